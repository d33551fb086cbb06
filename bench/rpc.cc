// Echoes over a control socket. Prints one line of JSON.
//
//   bench_rpc ADDRESS METHOD CONNECTIONS DEPTH SECONDS   unix:PATH; each connection has DEPTH requests under way
//   bench_rpc limit METHOD CONNECTIONS DEPTH SECONDS     the same bytes, sent back by a loop that does nothing else
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "connection.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;

int connect_unix(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) give_up("connect " + path);
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) give_up("send");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

/// Sends back what comes on any of them, until it is killed.
[[noreturn]] void serve_echoes(const std::vector<int>& sockets) {
  const int epoll = ::epoll_create1(0);
  for (const int fd : sockets) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  std::vector<epoll_event> events(128);
  std::vector<char> bytes(65'536);
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), 0);
      if (size <= 0) ::_exit(0);
      send_all(fd, {bytes.data(), static_cast<std::size_t>(size)});
    }
  }
}

struct Load {
  std::string request;
  std::size_t depth = 1;
  double seconds = 1;
};

/// Counts the lines that come back; each makes room for another request.
double answers_in(const std::vector<int>& sockets, const Load& load) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::string first;
  for (std::size_t i = 0; i < load.depth; ++i) first += load.request;
  for (const int fd : sockets) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    send_all(fd, first);
  }
  std::vector<epoll_event> events(128);
  std::vector<char> bytes(65'536);
  std::string more;
  double answers = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(load.seconds);
  while (Clock::now() < end) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1'000);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), 0);
      if (size <= 0) give_up("the server hung up");
      more.clear();
      for (ssize_t at = 0; at < size; ++at) {
        if (bytes[static_cast<std::size_t>(at)] == '\n') more += load.request;
      }
      answers += static_cast<double>(more.size() / load.request.size());
      if (!more.empty()) send_all(fd, more);
    }
  }
  return answers;
}

/// One answer must be the echo.
void check(int fd, const std::string& request) {
  send_all(fd, request);
  std::string answer;
  char c = 0;
  while (c != '\n' && ::recv(fd, &c, 1, 0) == 1) answer += c;
  if (answer.find("hello") == std::string::npos || answer.find("error") != std::string::npos) give_up(answer);
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  using namespace coworker::bench;
  if (argc != 6) give_up("bench_rpc ADDRESS|limit METHOD CONNECTIONS DEPTH SECONDS");
  const std::string address = argv[1];
  const std::string method = argv[2];
  const int connections = std::atoi(argv[3]);
  Load load;
  load.request = R"({"jsonrpc":"2.0","method":")" + method + R"(","params":["hello, hello, hello"],"id":1})" + "\n";
  if (method == "xml") {
    load.request =
        "<methodCall><methodName>bench.echo</methodName><params><param><value>hello, hello, hello</value>"
        "</param></params></methodCall>\n";
  }
  load.depth = static_cast<std::size_t>(std::atoi(argv[4]));
  load.seconds = std::atof(argv[5]);
  std::vector<int> ours;
  std::vector<int> theirs;
  pid_t child = -1;
  for (int i = 0; i < connections; ++i) {
    int pair[2];
    if (address != "limit") {
      ours.push_back(connect_unix(address.substr(address.find(':') + 1)));
    } else if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
      ours.push_back(pair[0]);
      theirs.push_back(pair[1]);
    }
  }
  if (address == "limit") {
    child = ::fork();
    if (child == 0) {
      for (const int fd : ours) ::close(fd);
      serve_echoes(theirs);
    }
  }
  check(ours.front(), load.request);
  const auto start = Clock::now();
  const double count = answers_in(ours, load);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"count\": %.0f, \"seconds\": %.6f, \"rate\": %.3f}\n", count, seconds, count / seconds);
  if (child > 0) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  return 0;
}
