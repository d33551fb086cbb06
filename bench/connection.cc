#include "connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace coworker::bench {
namespace {

constexpr std::size_t kReadSize = std::size_t{1} << 18;

Fd connect_unix(const std::string& path) {
  Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) give_up("socket path too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    give_up("connect to " + path, true);
  }
  return socket;
}

Fd connect_tcp(const std::string& host, const std::string& port) {
  Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port.c_str())));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) give_up("not a numeric address: " + host);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    give_up("connect to " + host + ":" + port, true);
  }
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

}  // namespace

void give_up(const std::string& what, bool with_errno) {
  const int error = errno;
  std::fprintf(stderr, "bench: %s%s%s\n", what.c_str(), with_errno ? ": " : "", with_errno ? std::strerror(error) : "");
  std::exit(1);
}

Connection Connection::open(const std::string& address) {
  Connection connection;
  if (address.starts_with("unix:")) {
    connection.socket_ = connect_unix(address.substr(5));
  } else if (const std::size_t colon = address.rfind(':'); address.starts_with("tcp:") && colon > 4) {
    connection.socket_ = connect_tcp(address.substr(4, colon - 4), address.substr(colon + 1));
  } else {
    give_up("not an address: " + address);
  }
  return connection;
}

void Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent == 0 || errno != EAGAIN) give_up("send", true);
    // The server does not read on before we take its replies.
    receive();
  }
}

void Connection::receive() {
  const std::size_t had = buffer_.size();
  buffer_.resize(had + kReadSize);
  ssize_t got = 0;
  do {
    got = ::recv(socket_.get(), buffer_.data() + had, kReadSize, 0);
  } while (got < 0 && errno == EINTR);
  if (got == 0) give_up("the server closed the connection");
  if (got < 0) give_up("receive", true);
  buffer_.resize(had + static_cast<std::size_t>(got));
}

void Connection::consume(std::size_t bytes) {
  consumed_ += bytes;
  if (consumed_ == buffer_.size()) {
    buffer_.clear();
    consumed_ = 0;
  } else if (consumed_ > kReadSize) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
}

}  // namespace coworker::bench
