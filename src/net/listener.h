#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "channel/address.h"
#include "channel/tls/handshakes.h"

namespace coworker::net {

/// Who is at the other end.
struct Peer {
  std::string address;  // "127.0.0.1:40312", or the path of the unix socket
  bool unix_socket = false;
  std::int64_t pid = -1;  // of a unix socket: read from the kernel when the client connected
  std::int64_t uid = -1;
};

/// A listening socket, close-on-exec. A unix socket is unlinked at destruction.
class Listener {
 public:
  /// `replace`: a unix socket file in the way is stale, because the caller owns what it stood for.
  /// `mode`: of a unix socket's file. `tls`: of addresses of that kind.
  static Result<Listener> open(const channel::Address& address, bool replace, mode_t mode = 0600,
                               const std::shared_ptr<const channel::tls::Context>& tls = {});

  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  /// The next client, not blocking, close-on-exec; `peer` tells who it is. not_found: none waits.
  Result<Fd> accept(Peer& peer);

  /// With the port that the system chose.
  const channel::Address& address() const noexcept { return address_; }
  /// Readable when a client waits.
  int descriptor() const noexcept { return tls_ ? tls_->native_handle() : socket_.get(); }

 private:
  Listener(Fd socket, channel::Address address) : socket_{std::move(socket)}, address_{std::move(address)} {}

  Fd socket_;
  std::optional<channel::tls::Handshakes> tls_;  // instead of the socket
  channel::Address address_;
};

}  // namespace coworker::net
