#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "channel/address.h"
#include "net/resp/session.h"

namespace coworker::net::resp {

/// A listening socket, close-on-exec. A unix socket has mode 0600 and is unlinked at destruction.
class Listener {
 public:
  /// `replace`: a unix socket file in the way is stale, because the caller owns what it stood for.
  static Result<Listener> open(const channel::Address& address, bool replace);

  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  /// The next client, not blocking, close-on-exec; `peer` tells who it is. not_found: none waits.
  Result<Fd> accept(Peer& peer);

  /// With the port that the system chose.
  const channel::Address& address() const noexcept { return address_; }
  int descriptor() const noexcept { return socket_.get(); }

 private:
  Listener(Fd socket, channel::Address address) : socket_{std::move(socket)}, address_{std::move(address)} {}

  Fd socket_;
  channel::Address address_;
};

}  // namespace coworker::net::resp
