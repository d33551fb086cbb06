#include "worker/shared_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/log.h"
#include "channel/tls/context.h"
#include "worker/kill_switch.h"
#include "worker/running.h"
#include "worker/shared_socket.h"
#include "worker/worker_process.h"

namespace coworker::worker {
namespace {

using channel::tls::Context;

/// What the starter gave us.
struct Inheritance {
  Fd lock;
  Fd result;

  void tell(char what, const std::string& text = {}) const {
    const std::string line = what + text;
    if (::write(result.get(), line.data(), line.size()) < 0) log::warning("nobody waits for the start of this worker");
  }
  int give_up(char what, const std::string& text) const {
    log::error(fmt::format("the shared worker cannot start: {}", text));
    tell(what, text);
    return 1;
  }
  void listens(char what) {
    tell(what);
    // The starter has this lock open, too, so closing alone would not free it.
    ::flock(lock.get(), LOCK_UN);
    lock.reset();
  }
};

/// Becomes the program, with the listening socket as descriptor 3 in the way of systemd.
int execute(const StartRecord& record, Fd listener, const Fd& running, Inheritance inheritance) {
  std::vector<char*> argv;
  std::vector<std::string> words = record.command;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("COWORKER_ADDRESS", record.address.c_str(), 1);
  if (!record.cookie.empty()) ::setenv("COWORKER_ADMIN_COOKIE", record.cookie.c_str(), 1);
  if (running) ::fcntl(running.get(), F_SETFD, 0);
  ::fcntl(listener.get(), F_SETFL, ::fcntl(listener.get(), F_GETFL) & ~O_NONBLOCK);
  if (listener.get() == 3) {
    ::fcntl(3, F_SETFD, 0);
  } else {
    ::dup2(listener.get(), 3);
  }
  std::signal(SIGPIPE, SIG_DFL);
  inheritance.listens(kExecutes);
  ::execvp(argv[0], argv.data());
  return inheritance.give_up(kFailed, fail_errno(errno, fmt::format("exec '{}'", argv[0])).value().message());
}

/// Whether it may start; else what was told.
std::optional<int> refused(const StartRecord& record, const Inheritance& inheritance) {
  if (record.kill_switch.empty()) return std::nullopt;
  const Result<Switched> switched = KillSwitch{record.kill_switch}.read();
  if (!switched) return inheritance.give_up(kFailed, switched.error().message());
  if (!switched->disables(record.address)) return std::nullopt;
  return inheritance.give_up(kDisabled,
                             fmt::format("{} is disabled by the kill switch '{}'", record.address, record.kill_switch));
}

/// nullptr: the address needs none.
Result<std::shared_ptr<const Context>> tls_of(const StartRecord& record, const channel::Address& address) {
  if (address.kind != channel::Address::Kind::tls) return nullptr;
  if (!record.command.empty()) {
    return fail(Errc::invalid_argument,
                fmt::format("{}: a program that is given the socket would have to speak TLS itself; let it listen on "
                            "tcp:HOST:PORT or unix:PATH",
                            record.address));
  }
  return Context::create(Context::Side::server, {record.tls_certificate, record.tls_key, record.tls_client_ca});
}

Result<Entrance> entrance_of(Fd listener, std::shared_ptr<const Context> tls) {
  if (!tls) return Entrance{std::move(listener)};
  Result<channel::tls::Handshakes> handshakes = channel::tls::Handshakes::serve(std::move(listener), std::move(tls));
  if (!handshakes) return tl::unexpected{std::move(handshakes).error()};
  return Entrance{std::move(*handshakes)};
}

int run(const StartRecord& record, Inheritance inheritance, const Implementations& implementations) {
  if (const auto code = refused(record, inheritance)) return *code;
  const Result<channel::Address> address = parse_shared_address(record.address);
  if (!address) return inheritance.give_up(kFailed, address.error().message());
  Result<std::unique_ptr<EventedWorker>> worker = std::unique_ptr<EventedWorker>{};
  if (record.command.empty()) worker = make_evented(record, implementations);
  if (!worker) return inheritance.give_up(kFailed, worker.error().message());
  Result<std::shared_ptr<const Context>> tls = tls_of(record, *address);
  if (!tls) return inheritance.give_up(kFailed, tls.error().message());
  Result<Fd> listener = listen_on(*address, record.insecure, record.socket);
  if (!listener) {
    const bool is_taken = listener.error().code() == Errc::conflict;
    return inheritance.give_up(is_taken ? kTaken : kFailed, listener.error().message());
  }
  const std::string name = record.command.empty() ? record.name : record.command.front();
  const Result<Fd> running = enter_running(record.address, name);
  if (!running) log::warning(fmt::format("this worker will not be listed: {}", running.error().message()));
  const Fd none;
  if (*worker == nullptr)
    return execute(record, std::move(*listener), running ? *running : none, std::move(inheritance));
  Result<Entrance> entrance = entrance_of(std::move(*listener), std::move(*tls));
  if (!entrance) return inheritance.give_up(kFailed, entrance.error().message());
  inheritance.listens(kListens);
  inheritance.result.reset();
  Server::Options options = options_of(record);
  if (address->is_unix()) options.socket_path = address->path;
  Server server{**worker, std::move(options)};
  return server.run_shared(std::move(*entrance));
}

}  // namespace

int run_shared_process(const Implementations& implementations) {
  // Only this thread exists yet.
  const pid_t child = ::fork();
  if (child != 0) return child > 0 ? 0 : 1;
  const Result<StartRecord> record = read_record(kRecordFd);
  Inheritance inheritance{Fd{kLockFd}, Fd{kResultFd}};
  if (!record) return inheritance.give_up(kFailed, record.error().message());
  for (const int fd : {kLockFd, kResultFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return run(*record, std::move(inheritance), implementations);
}

}  // namespace coworker::worker
