#include "worker/shared_socket.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "channel/tls/context.h"
#include "channel/tls/handshakes.h"

namespace coworker::worker {
namespace {

using channel::Address;

struct Place {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

Place unix_place(const std::string& path) {
  Place place;
  auto& address = reinterpret_cast<sockaddr_un&>(place.storage);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof address.sun_path - 1));
  place.size = sizeof address;
  return place;
}

Result<std::vector<Place>> places_of(const Address& address) {
  if (address.is_unix()) return std::vector{unix_place(address.path)};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return fail(Errc::unavailable, fmt::format("look up '{}': {}", address.host, ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{found, ::freeaddrinfo};
  std::vector<Place> places;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Place place;
    std::memcpy(&place.storage, each->ai_addr, each->ai_addrlen);
    place.size = each->ai_addrlen;
    places.push_back(place);
  }
  return places;
}

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
  }
  if (address->sa_family != AF_INET6) return false;
  const in6_addr& ip = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
}

bool is_any(const sockaddr* address) {
  if (address->sa_family == AF_INET)
    return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr == INADDR_ANY;
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

bool is_same_host(const sockaddr* one, const sockaddr* other) {
  if (one->sa_family != other->sa_family) return false;
  if (one->sa_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(one)->sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in*>(other)->sin_addr.s_addr;
  }
  return one->sa_family == AF_INET6 && std::memcmp(&reinterpret_cast<const sockaddr_in6*>(one)->sin6_addr,
                                                   &reinterpret_cast<const sockaddr_in6*>(other)->sin6_addr, 16) == 0;
}

bool is_of_this_machine(const sockaddr* address) {
  if (is_loopback(address) || is_any(address)) return true;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned{all, ::freeifaddrs};
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr != nullptr && is_same_host(address, each->ifa_addr)) return true;
  }
  return false;
}

void set_limit(int fd, Deadline deadline) {
  timeval limit{};
  if (deadline != Deadline::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Deadline::clock::now()).count();
    limit.tv_sec = std::max<std::int64_t>(left, 1'000) / 1'000'000;
    limit.tv_usec = std::max<std::int64_t>(left, 1'000) % 1'000'000;
  }
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Result<Fd> connect_place(const Place& place, const Address& address, Deadline deadline) {
  Fd fd{::socket(place.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd) return fail_errno(errno, "make a socket");
  set_limit(fd.get(), deadline);
  while (::connect(fd.get(), place.get(), place.size) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    const std::string text = fmt::format("connect to {}", to_string(address));
    if (error == ECONNREFUSED || error == ENOENT) return fail(Errc::not_found, text + ": nobody listens there");
    // A unix socket whose queue is full; a host that does not answer.
    if (error == EAGAIN || error == EINPROGRESS || error == ETIMEDOUT) {
      return fail(Errc::unavailable, text + ": somebody listens there and does not take us in time");
    }
    return fail_errno(error, text);
  }
  set_limit(fd.get(), Deadline::max());
  if (place.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

/// Whether the file is a socket that nobody listens on. Requires that nobody is about to.
Result<bool> is_residue(const Address& address) {
  struct stat status{};
  if (::lstat(address.path.c_str(), &status) != 0) return false;
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Errc::conflict, fmt::format("'{}' is no socket; it is left as it is", address.path));
  }
  const Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const Place place = unix_place(address.path);
  // Refused is certain: one that is slow, stopped, or has a full queue does not refuse.
  return ::connect(fd.get(), place.get(), place.size) != 0 && errno == ECONNREFUSED;
}

void keep_alive(int fd, std::int64_t seconds) {
  if (seconds <= 0) return;
  // Connections that are accepted have them from here.
  const int on = 1;
  const int idle = static_cast<int>(std::min<std::int64_t>(seconds, 32'767));
  const int interval = std::max(1, idle / 3);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
}

Result<Fd> listen_place(const Place& place, const Address& address, const SocketOptions& options) {
  Fd fd{::socket(place.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return fail_errno(errno, "make a socket");
  if (place.family() == AF_UNIX) {
    ::fchmod(fd.get(), options.mode & 0777);  // becomes the mode of the file, from its first moment
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    keep_alive(fd.get(), options.keep_alive);
  }
  if (::bind(fd.get(), place.get(), place.size) != 0 || ::listen(fd.get(), std::max(options.backlog, 1)) != 0) {
    if (errno == EADDRINUSE) return fail(Errc::conflict, fmt::format("{} is taken", to_string(address)));
    return fail_errno(errno, fmt::format("listen on {}", to_string(address)));
  }
  return fd;
}

}  // namespace

Result<Address> parse_shared_address(std::string_view text) {
  Result<Address> address = channel::parse_address(text, 0);
  if (!address) return address;
  if (address->is_unix()) {
    address->path = std::filesystem::absolute(address->path).lexically_normal().string();
    // The absolute path may be too long for a socket.
    return channel::parse_address("unix:" + address->path);
  }
  if (address->port == 0) return fail(Errc::invalid_argument, fmt::format("address '{}' names no port", text));
  return address;
}

bool is_here(const Address& address) {
  if (address.is_unix()) return true;
  const Result<std::vector<Place>> places = places_of(address);
  if (!places) return false;
  return std::all_of(places->begin(), places->end(),
                     [](const Place& place) { return is_of_this_machine(place.get()); });
}

bool is_exposed(const Address& address) {
  if (address.is_unix()) return false;
  const Result<std::vector<Place>> places = places_of(address);
  if (!places) return true;
  return !std::all_of(places->begin(), places->end(), [](const Place& place) { return is_loopback(place.get()); });
}

Result<Fd> reach(const Address& address, const channel::tls::Settings& tls, Deadline deadline) {
  using channel::tls::Context;
  if (address.kind != Address::Kind::tls) return connect_to(address, deadline);
  // Before anything is started for somebody who could not talk to it.
  auto context = Context::create(Context::Side::client, tls);
  if (!context) return tl::unexpected{std::move(context).error()};
  Result<Fd> fd = connect_to(address, deadline);
  if (!fd) return fd;
  return channel::tls::shake_hands(std::move(*fd), std::move(*context), address.host, deadline);
}

Result<Fd> connect_to(const Address& address, Deadline deadline) {
  const Result<std::vector<Place>> places = places_of(address);
  if (!places) return tl::unexpected{places.error()};
  Result<Fd> last = fail(Errc::not_found, fmt::format("'{}' has no address", to_string(address)));
  for (const Place& place : *places) {
    Result<Fd> fd = connect_place(place, address, deadline);
    if (fd) return fd;
    // One that listens and is slow counts more than one that is not there.
    if (last.error().code() == Errc::not_found) last = std::move(fd);
  }
  return last;
}

Result<Fd> listen_on(const Address& address, bool insecure, const SocketOptions& options) {
  if (!insecure && address.kind != Address::Kind::tls && is_exposed(address)) {
    return fail(Errc::denied, fmt::format("{} can be reached by others, and nothing there asks for a password: allow "
                                          "that with insecure, or use TLS or a loopback address",
                                          to_string(address)));
  }
  const Result<std::vector<Place>> places = places_of(address);
  if (!places) return tl::unexpected{places.error()};
  if (places->empty()) return fail(Errc::not_found, fmt::format("'{}' has no address", to_string(address)));
  if (address.is_unix()) {
    std::error_code error;
    const auto folder = std::filesystem::path{address.path}.parent_path();
    std::filesystem::create_directories(folder, error);
    const Result<bool> residue = is_residue(address);
    if (!residue) return tl::unexpected{residue.error()};
    if (*residue) ::unlink(address.path.c_str());
  }
  return listen_place(places->front(), address, options);
}

Result<std::string> lock_path_of(const Address& address) {
  if (address.is_unix()) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path{address.path}.parent_path(), error);
    return address.path + ".lock";
  }
  Result<std::string> folder = runtime_folder();
  if (!folder) return folder;
  std::string host = address.host;
  for (char& c : host) {
    if (c == '/' || c == ':') c = '_';
  }
  return fmt::format("{}/tcp-{}-{}.lock", *folder, host, address.port);
}

Result<std::string> runtime_folder() {
  const char* given = std::getenv("XDG_RUNTIME_DIR");
  const uid_t user = ::geteuid();
  std::string folder = given != nullptr && *given == '/' ? std::string{given} + "/coworker"
                       : user == 0                       ? std::string{"/run/coworker"}
                                                         : fmt::format("/tmp/coworker-{}", user);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, fmt::format("make '{}'", folder));
  struct stat status{};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != user) {
    return fail(Errc::denied, fmt::format("'{}' belongs to somebody else", folder));
  }
  return folder;
}

}  // namespace coworker::worker
