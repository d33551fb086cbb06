// Masters and workers: round trips, large messages, starts. Prints one line of JSON. The workers are this program
// again.
//
//   bench_channels pingpong SECONDS SIZE           bare: two pipes and a forked child that sends back what it reads
//   bench_channels served SECONDS SIZE             bare: a unix socket, and a forked child that waits in epoll, as who
//                                                  serves several does
//   bench_channels dedicated SECONDS SIZE          one raw worker, one message under way
//   bench_channels pool SECONDS SIZE WORKERS
//   bench_channels stream SECONDS SIZE             one raw worker, several messages under way
//   bench_channels shared SECONDS SIZE MASTERS     one message under way for each
//   bench_channels tls SECONDS SIZE MASTERS FILE   the same over TCP on loopback, with the certificate and key in FILE;
//                                                  without FILE in plain text
//   bench_channels start COUNT                     start, one message, close
//   bench_channels exec COUNT                      bare: vfork, exec and wait of this program
//   bench_channels cold COUNT                      connecting to a shared worker that has to be started
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "connection.h"
#include "coworker/app.h"
#include "coworker/worker_factory.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Echo : RawWorker {
  void run(Channel& channel) override {
    while (Answer<Message> message = channel.receive()) message->reply(message->body());
  }
};

struct EventedEcho : EventedWorker {
  void on_message(Message& message, coworker::Connection&) override { message.reply(message.body()); }
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class T>
T value_of(Answer<T> answer) {
  if (!answer) give_up(answer.message());
  return std::move(*answer);
}

std::string body_of(std::size_t size) {
  return "\"" + std::string(size > 2 ? size - 2 : 0, 'x') + "\"";
}

int show(double count, double seconds) {
  std::printf("{\"count\": %.0f, \"seconds\": %.6f, \"rate\": %.3f}\n", count, seconds, count / seconds);
  return 0;
}

/// Runs `round` for about so long; it returns how many messages it was.
int repeat(double seconds, const std::function<int()>& round) {
  round();
  const auto start = Clock::now();
  double count = 0;
  while (seconds_since(start) < seconds) count += round();
  return show(count, seconds_since(start));
}

void move_all(int fd, char* data, std::size_t size, bool is_write) {
  for (std::size_t at = 0; at < size;) {
    const ssize_t moved = is_write ? ::write(fd, data + at, size - at) : ::read(fd, data + at, size - at);
    if (moved <= 0) ::_exit(0);
    at += static_cast<std::size_t>(moved);
  }
}

int pingpong(double seconds, std::size_t size) {
  int to[2];
  int from[2];
  if (::pipe(to) != 0 || ::pipe(from) != 0) give_up("pipe");
  std::string data(size + 1, 'x');
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(to[1]);
    ::close(from[0]);
    for (;;) {
      move_all(to[0], data.data(), data.size(), false);
      move_all(from[1], data.data(), data.size(), true);
    }
  }
  repeat(seconds, [&] {
    for (int i = 0; i < 100; ++i) {
      move_all(to[1], data.data(), data.size(), true);
      move_all(from[0], data.data(), data.size(), false);
    }
    return 100;
  });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return 0;
}

int served(double seconds, std::size_t size) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) give_up("socketpair");
  std::string data(size + 1, 'x');
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const int loop = ::epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(loop, EPOLL_CTL_ADD, ends[1], &event);
    for (;;) {
      ::epoll_wait(loop, &event, 1, -1);
      move_all(ends[1], data.data(), data.size(), false);
      move_all(ends[1], data.data(), data.size(), true);
    }
  }
  repeat(seconds, [&] {
    for (int i = 0; i < 100; ++i) {
      move_all(ends[0], data.data(), data.size(), true);
      move_all(ends[0], data.data(), data.size(), false);
    }
    return 100;
  });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return 0;
}

int dedicated(double seconds, std::size_t size, int under_way) {
  DedicatedWorker worker = value_of(WorkerFactory{}.create_worker("echo"));
  const std::string body = body_of(size);
  for (int i = 1; i < under_way; ++i) value_of(worker.send(body));
  return repeat(seconds, [&] {
    for (int i = 0; i < 100; ++i) {
      value_of(worker.send(body));
      value_of(worker.receive());
    }
    return 100;
  });
}

int pool(double seconds, std::size_t size, int count) {
  WorkerPool workers = value_of(WorkerFactory{}.create_pool("echo", count));
  const std::string body = body_of(size);
  for (const auto& each : workers) value_of(each->send(body));
  return repeat(seconds, [&] {
    for (int i = 0; i < 100; ++i) {
      const WorkerPool::Received received = value_of(workers.receive());
      value_of(workers[received.worker].send(body));
    }
    return 100;
  });
}

/// A folder of its own, a cookie, and the worker's end at its own end.
struct SharedEcho {
  SharedEcho() {
    std::string pattern = "/tmp/cw-bench-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    profile.admin_cookie = "bench";
  }
  ~SharedEcho() {
    stop();
    std::filesystem::remove_all(folder);
  }
  std::string at() const { return address.empty() ? "unix:" + folder + "/socket" : address; }
  SharedWorker connect() const { return value_of(WorkerFactory{profile}.connect(at(), "evented-echo")); }
  void stop() const {
    Answer<SharedWorker> worker = WorkerFactory{profile}.connect(at());
    if (worker && worker->stop()) static_cast<void>(worker->wait_for_end(std::chrono::seconds{10}));
  }
  std::string folder;
  std::string address{};  // empty: a unix socket in the folder
  Profile profile;
};

int shared(double seconds, std::size_t size, std::size_t masters, const SharedEcho& echo = {}) {
  std::vector<SharedWorker> all;
  for (std::size_t i = 0; i < masters; ++i) all.push_back(echo.connect());
  const std::string body = body_of(size);
  for (SharedWorker& each : all) value_of(each.send(body));
  return repeat(seconds, [&] {
    for (SharedWorker& each : all) {
      value_of(each.receive());
      value_of(each.send(body));
    }
    return static_cast<int>(all.size());
  });
}

int shared_over_tcp(double seconds, std::size_t size, std::size_t masters, const std::string& certificate) {
  SharedEcho echo;
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof name;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), length) != 0) give_up("bind");
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
  ::close(fd);
  echo.address = (certificate.empty() ? "tcp:127.0.0.1:" : "tls:127.0.0.1:") + std::to_string(ntohs(name.sin_port));
  echo.profile.tls_certificate = certificate;
  echo.profile.tls.verify = false;
  return shared(seconds, size, masters, echo);
}

int start(int count) {
  const WorkerFactory factory;
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    DedicatedWorker worker = value_of(factory.create_worker("echo"));
    value_of(worker.send("1"));
    value_of(worker.receive());
    worker.close();
  }
  return show(count, seconds_since(begin));
}

int exec(int count, char** environment) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  char word[] = "nothing";
  char* const words[] = {const_cast<char*>(program.c_str()), word, nullptr};
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    pid_t pid = 0;
    if (::posix_spawn(&pid, program.c_str(), nullptr, nullptr, words, environment) != 0) give_up("spawn");
    ::waitpid(pid, nullptr, 0);
  }
  return show(count, seconds_since(begin));
}

int cold(int count) {
  const SharedEcho echo;
  double seconds = 0;
  for (int i = 0; i < count; ++i) {
    {
      const auto begin = Clock::now();
      const SharedWorker worker = echo.connect();
      seconds += seconds_since(begin);
    }
    echo.stop();
  }
  return show(count, seconds);
}

}  // namespace

int run(int argc, char** argv) {
  App app;
  app.raw<Echo>("echo").evented<EventedEcho>("evented-echo");
  const std::string word = argc > 1 ? argv[1] : "";
  if (word.ends_with("-worker")) return app.run(argc, argv);
  if (word == "nothing") return 0;
  const double first = argc > 2 ? std::atof(argv[2]) : 1;
  const auto size = static_cast<std::size_t>(argc > 3 ? std::atoi(argv[3]) : 100);
  const int many = argc > 4 ? std::atoi(argv[4]) : 1;
  if (word == "pingpong") return pingpong(first, size);
  if (word == "served") return served(first, size);
  if (word == "tls") return shared_over_tcp(first, size, static_cast<std::size_t>(many), argc > 5 ? argv[5] : "");
  if (word == "dedicated") return dedicated(first, size, 1);
  if (word == "stream") return dedicated(first, size, 4);
  if (word == "pool") return pool(first, size, many);
  if (word == "shared") return shared(first, size, static_cast<std::size_t>(many));
  if (word == "start") return start(static_cast<int>(first));
  if (word == "exec") return exec(static_cast<int>(first), environ);
  if (word == "cold") return cold(static_cast<int>(first));
  give_up("usage: bench_channels pingpong|served|dedicated|stream|pool|shared|tls|start|exec|cold …");
}

}  // namespace coworker::bench

int main(int argc, char** argv) {
  return coworker::bench::run(argc, argv);
}
