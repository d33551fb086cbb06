#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

Client::Client(const std::string& address) {
  if (address.starts_with("unix:")) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, address.c_str() + 5, sizeof name.sun_path - 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return;
  } else {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address)));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return;
  }
  ::close(fd_);
  fd_ = -1;
}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

bool Client::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<std::size_t>(size);
  }
  return true;
}

std::string Client::bytes(std::size_t count) {
  while (read_.size() < count) {
    pollfd polled{fd_, POLLIN, 0};
    if (::poll(&polled, 1, 20'000) <= 0) break;
    char part[65536];
    const ssize_t size = ::recv(fd_, part, sizeof part, 0);
    if (size <= 0) break;
    read_.append(part, static_cast<std::size_t>(size));
  }
  std::string taken = read_.substr(0, count);
  read_.erase(0, taken.size());
  return taken;
}

bool Client::at_end() {
  pollfd polled{fd_, POLLIN, 0};
  char byte = 0;
  return read_.empty() && ::poll(&polled, 1, 20'000) > 0 && ::recv(fd_, &byte, 1, 0) <= 0;
}

std::string Client::line() {
  std::string line;
  for (;;) {
    const std::size_t end = read_.find('\n');
    if (end != std::string::npos) {
      line += read_.substr(0, end);
      read_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    line += std::move(read_);
    read_.clear();
    const std::string more = bytes(1);
    if (more.empty()) return line;
    read_.insert(0, more);
  }
}

std::string Client::call(const std::string& method, const std::string& params) {
  return ask(R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + R"(,"id":1})");
}
