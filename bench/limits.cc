// What this machine can do at best, measured with the least code that does it.
//
//   bench_limits noop-server PATH              answers ADDJOB, GETJOB and ACKJOB without doing anything
//   bench_limits sync-server PATH FILE BYTES   appends BYTES to FILE and syncs before each reply
//   bench_limits append FILE WRITES BYTES SYNC-EVERY   writes of BYTES, one fdatasync after each SYNC-EVERY;
//                                                      a new file takes the place of one that is full
//   bench_limits overwrite FILE WRITES BYTES SYNC-EVERY   the same, over and over in one file
//   bench_limits exec COUNT PROGRAM [ARG…]     vfork, exec and wait, one after the other
//
// The servers serve until their standard input ends. The others print one line of JSON.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "connection.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;

// The segment size of a typical store, so that the file system finds the same work to do.
constexpr off_t kReserved = off_t{64} << 20;

constexpr std::string_view kId = "D-0123abcd-AAAAAAAAAAAAAAAAAAAAAAAA-05a1";

std::size_t header(std::string_view text) {
  std::size_t value = 0;
  std::from_chars(text.data() + 1, text.data() + text.size(), value);
  return value;
}

// The length of the request that `input` begins with, 0 when it is not whole; `command` is its first
// word and `count` its last but two (the number in GETJOB … COUNT n FROM queue).
std::size_t parse(std::string_view input, std::string_view& command, std::string_view& count) {
  std::size_t at = input.find('\n');
  if (at == std::string_view::npos) return 0;
  const std::size_t words = header(input);
  ++at;
  for (std::size_t i = 0; i < words; ++i) {
    const std::size_t end = input.find('\n', at);
    if (end == std::string_view::npos) return 0;
    const std::size_t size = header(input.substr(at, end - at));
    if (input.size() < end + 1 + size + 2) return 0;
    const std::string_view word = input.substr(end + 1, size);
    if (i == 0) command = word;
    if (i + 3 == words) count = word;
    at = end + 1 + size + 2;
  }
  return at;
}

void noop_reply(std::string_view command, std::string_view count, std::string& out) {
  static const std::string job =
      "*3\r\n$5\r\nbench\r\n$40\r\n" + std::string{kId} + "\r\n$200\r\n" + std::string(200, 'x') + "\r\n";
  static const std::string added = "+" + std::string{kId} + "\r\n";
  if (command == "ADDJOB") {
    out += added;
  } else if (command == "GETJOB") {
    std::size_t jobs = 0;
    if (std::from_chars(count.data(), count.data() + count.size(), jobs).ec != std::errc{} || jobs == 0) jobs = 1;
    out += "*" + std::to_string(jobs) + "\r\n";
    for (std::size_t i = 0; i < jobs; ++i) out += job;
  } else {
    out += ":1\r\n";
  }
}

Fd listen_on(const std::string& path) {
  Fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) give_up("socket path too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 256) != 0) {
    give_up("listen on " + path, true);
  }
  return listener;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd wait{socket, POLLOUT, 0};
      ::poll(&wait, 1, 1'000);
    } else {
      return;
    }
  }
}

// Serves with one thread and epoll; `before_reply` runs once for each turn that has replies.
int serve(const std::string& path, const std::function<void()>& before_reply) {
  const Fd listener = listen_on(path);
  const Fd poll{::epoll_create1(EPOLL_CLOEXEC)};
  const auto watch = [&](int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, descriptor, &event);
  };
  watch(listener.get());
  watch(STDIN_FILENO);
  std::map<int, std::string> inputs;
  std::array<epoll_event, 128> events{};
  std::string chunk(std::size_t{1} << 18, '\0');
  std::string out;
  for (;;) {
    const int ready = ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      if (descriptor == STDIN_FILENO) return 0;
      if (descriptor == listener.get()) {
        const int accepted = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (accepted >= 0) watch(accepted);
        continue;
      }
      std::string& input = inputs[descriptor];
      const ssize_t got = ::recv(descriptor, chunk.data(), chunk.size(), 0);
      if (got <= 0) {
        inputs.erase(descriptor);
        ::close(descriptor);
        continue;
      }
      input.append(chunk, 0, static_cast<std::size_t>(got));
      std::size_t used = 0;
      std::string_view command;
      std::string_view count;
      out.clear();
      while (const std::size_t length = parse(std::string_view{input}.substr(used), command, count)) {
        noop_reply(command, count, out);
        used += length;
      }
      input.erase(0, used);
      if (out.empty()) continue;
      before_reply();
      send_all(descriptor, out);
    }
  }
}

// A file with reserved space, to which records are appended. When it is full, a new one begins, as in any log; or it is
// overwritten from its begin, which costs the file system less: it has no new blocks to account for and no new pages.
class Log {
 public:
  enum class WhenFull { begin_anew, overwrite };

  explicit Log(std::string path, WhenFull when_full = WhenFull::overwrite)
      : path_{std::move(path)}, when_full_{when_full} {
    open();
  }

  void append(const std::string& record) {
    if (at_ + static_cast<off_t>(record.size()) > kReserved) {
      at_ = 0;
      if (when_full_ == WhenFull::begin_anew) open();
    }
    if (::pwrite(file_.get(), record.data(), record.size(), at_) != static_cast<ssize_t>(record.size())) {
      give_up("write", true);
    }
    at_ += static_cast<off_t>(record.size());
  }
  void sync() {
    if (::fdatasync(file_.get()) != 0) give_up("fdatasync", true);
  }

 private:
  void open() {
    ::unlink(path_.c_str());
    file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file_) give_up("open " + path_, true);
    if (::posix_fallocate(file_.get(), 0, kReserved) != 0) give_up("reserve space in " + path_);
  }

  std::string path_;
  WhenFull when_full_;
  Fd file_;
  off_t at_ = 0;
};

int sync_server(const std::string& path, const std::string& file, std::size_t bytes) {
  Log log{file};
  const std::string record(bytes, 'x');
  return serve(path, [&] {
    log.append(record);
    log.sync();
  });
}

int append(Log log, std::size_t writes, std::size_t bytes, std::size_t sync_every) {
  const std::string record(bytes, 'x');
  const auto start = Clock::now();
  for (std::size_t i = 1; i <= writes; ++i) {
    log.append(record);
    if (i % sync_every == 0) log.sync();
  }
  std::printf("{\"seconds\": %.6f}\n", std::chrono::duration<double>(Clock::now() - start).count());
  return 0;
}

int exec(int count, char** command) {
  // What the program prints is nobody's business here.
  const Fd result{::dup(STDOUT_FILENO)};
  const Fd nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  if (!result || ::dup2(nowhere.get(), STDOUT_FILENO) < 0) give_up("redirect the output", true);
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    const pid_t child = ::vfork();
    if (child == 0) {
      ::execv(command[0], command);
      ::_exit(127);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      give_up(std::string{"cannot run "} + command[0]);
    }
  }
  ::dprintf(result.get(), "{\"seconds\": %.6f}\n", std::chrono::duration<double>(Clock::now() - start).count());
  return 0;
}

int run(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "noop-server" && argc == 3) return serve(argv[2], [] {});
  if (what == "sync-server" && argc == 5) return sync_server(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10));
  if ((what == "append" || what == "overwrite") && argc == 6) {
    Log log{argv[2], what == "append" ? Log::WhenFull::begin_anew : Log::WhenFull::overwrite};
    return append(std::move(log), std::strtoul(argv[3], nullptr, 10), std::strtoul(argv[4], nullptr, 10),
                  std::strtoul(argv[5], nullptr, 10));
  }
  if (what == "exec" && argc >= 4) return exec(std::atoi(argv[2]), argv + 3);
  give_up("usage: bench_limits noop-server|sync-server|append|overwrite|exec …");
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  return coworker::bench::run(argc, argv);
}
