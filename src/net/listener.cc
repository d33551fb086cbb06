#include "net/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace coworker::net {
namespace {

using channel::Address;

constexpr int kBacklog = 511;

/// What the socket calls take, large enough for every kind.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::string listening_on(const Address& address) {
  return fmt::format("listen on {}", to_string(address));
}

bool is_socket(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

Result<Fd> open_unix(const Address& address, bool replace, mode_t mode) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address.path.copy(name.sun_path, sizeof name.sun_path - 1);
  Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return fail_errno(errno, listening_on(address));
  if (replace && is_socket(address.path)) ::unlink(address.path.c_str());
  // The file that bind makes has the mode of the socket, or less: there is no moment at which others may connect. What
  // the umask has taken away comes back.
  const bool bound = ::fchmod(socket.get(), mode) == 0 &&
                     ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 &&
                     ::chmod(address.path.c_str(), mode) == 0;
  if (!bound) return fail_errno(errno, listening_on(address));
  return socket;
}

Result<Fd> open_tcp(const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(address.port);
  const int failed = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list);
  if (failed != 0) {
    return fail(Errc::invalid_argument, fmt::format("{}: {}", listening_on(address), ::gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{list, &::freeaddrinfo};
  int error = 0;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Fd socket{::socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int on = 1;
    if (socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        ::bind(socket.get(), entry->ai_addr, entry->ai_addrlen) == 0) {
      return socket;
    }
    error = errno;
  }
  return fail_errno(error, listening_on(address));
}

std::uint16_t port_of(const SocketAddress& name) {
  if (name.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&name.storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port);
}

std::string text_of(SocketAddress& name) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(name.get(), name.size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) !=
      0) {
    return "?";
  }
  return std::strchr(host, ':') != nullptr ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace

Result<Listener> Listener::open(const Address& address, bool replace, mode_t mode,
                                const std::shared_ptr<const channel::tls::Context>& tls) {
  const bool is_unix = address.is_unix();
  Result<Fd> socket = is_unix ? open_unix(address, replace, mode) : open_tcp(address);
  if (!socket) return tl::unexpected{std::move(socket).error()};
  Listener listener{std::move(*socket), address};
  if (::listen(listener.descriptor(), kBacklog) != 0) return fail_errno(errno, listening_on(address));
  if (!is_unix && address.port == 0) {
    SocketAddress name;
    if (::getsockname(listener.descriptor(), name.get(), &name.size) == 0) listener.address_.port = port_of(name);
  }
  if (address.kind == Address::Kind::tls) {
    if (!tls) return fail(Errc::invalid_argument, listening_on(address) + ": it needs a certificate and its key");
    Result<channel::tls::Handshakes> entrance = channel::tls::Handshakes::serve(std::move(listener.socket_), tls);
    if (!entrance) return tl::unexpected{std::move(entrance).error()};
    listener.tls_ = std::move(*entrance);
  }
  return listener;
}

Listener::~Listener() {
  if (socket_ && address_.is_unix()) ::unlink(address_.path.c_str());
}

Result<Fd> Listener::accept(Peer& peer) {
  if (tls_) {
    Result<channel::tls::Handshakes::Accepted> accepted = tls_->accept();
    if (!accepted) return tl::unexpected{std::move(accepted).error()};
    peer.address = std::move(accepted->address);
    return std::move(accepted->socket);
  }
  SocketAddress name;
  Fd client{::accept4(socket_.get(), name.get(), &name.size, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (!client) {
    // A client that left before it was accepted is as good as none.
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR) {
      return fail(Errc::not_found, "no client waits");
    }
    return fail_errno(errno, fmt::format("accept on {}", to_string(address_)));
  }
  if (address_.is_unix()) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    peer.unix_socket = true;
    peer.address = address_.path;
    if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
      peer.pid = credentials.pid;
      peer.uid = credentials.uid;
    }
    return client;
  }
  peer.address = text_of(name);
  const int on = 1;
  ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return client;
}

}  // namespace coworker::net
