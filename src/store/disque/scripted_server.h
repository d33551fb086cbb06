#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/fd.h"
#include "channel/address.h"
#include "channel/resp/request_decoder.h"

namespace coworker::store::disque {

/// For tests: a server on a unix socket that answers each request with what the test says, a thread per connection.
class ScriptedServer {
 public:
  using Words = std::vector<std::string>;
  /// The bytes to send; kHangUp closes the connection instead. Called from several threads, one call at a time.
  using Script = std::function<std::string(const Words&)>;
  inline static const std::string kHangUp = "(hang up)";

  enum class At { unix_socket, tcp };

  explicit ScriptedServer(Script script, At at = At::unix_socket) : script_{std::move(script)}, at_{at} {
    char folder[] = "/tmp/cw-scripted-XXXXXX";
    CW_CHECK(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    start();
  }

  ~ScriptedServer() {
    stop();
    ::rmdir(folder_.c_str());
  }

  /// Binds the socket and accepts; also again after `stop`.
  void start() {
    if (at_ == At::tcp) {
      bind_tcp();
    } else {
      bind_unix();
    }
    CW_CHECK(::listen(listener_.get(), 64) == 0);
    stopping_ = false;
    acceptor_ = std::thread{[this] { accept_all(); }};
  }

  /// Ends all connections and listens no more.
  void stop() {
    if (!acceptor_.joinable()) return;
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    for (const std::unique_ptr<Fd>& connection : connections_) ::shutdown(connection->get(), SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
    connections_.clear();
    threads_.clear();
    ::unlink(path().c_str());
  }

  std::string path() const { return folder_ + "/s"; }
  channel::Address address() const {
    if (at_ == At::tcp) return {channel::Address::Kind::tcp, {}, "127.0.0.1", port_};
    return {channel::Address::Kind::unix_socket, path(), {}, 0};
  }
  int connections() const { return accepted_; }

 private:
  void bind_unix() {
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path().copy(name.sun_path, sizeof name.sun_path - 1);
    CW_CHECK(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  }

  void bind_tcp() {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(port_);
    socklen_t size = sizeof name;
    CW_CHECK(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0);
    CW_CHECK(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    port_ = ntohs(name.sin_port);
  }

  void accept_all() {
    while (!stopping_) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++accepted_;
      connections_.push_back(std::make_unique<Fd>(fd));
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string input;
    channel::resp::RequestDecoder decoder;
    char buffer[4096];
    while (true) {
      const ssize_t size = ::read(fd, buffer, sizeof buffer);
      if (size <= 0) break;
      input.append(buffer, static_cast<std::size_t>(size));
      while (decoder.next(input) == channel::resp::RequestDecoder::Step::request) {
        const Words words{decoder.words().begin(), decoder.words().end()};
        input.erase(0, decoder.consumed());
        std::string reply;
        {
          const std::lock_guard lock{mutex_};
          reply = script_(words);
        }
        if (reply == kHangUp) {
          ::shutdown(fd, SHUT_RDWR);
          return;
        }
        if (::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return;
      }
    }
    ::shutdown(fd, SHUT_RDWR);
  }

  Script script_;
  At at_;
  std::uint16_t port_ = 0;
  std::string folder_;
  Fd listener_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::thread acceptor_;
  std::vector<std::unique_ptr<Fd>> connections_;  // of the acceptor, until it is joined
  std::vector<std::thread> threads_;
};

}  // namespace coworker::store::disque
