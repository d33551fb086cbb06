#pragma once

#include <optional>

#include "base/error.h"
#include "base/fd.h"
#include "channel/tls/handshakes.h"
#include "coworker/channel_worker.h"

namespace coworker::worker {

/// Where the masters of a shared worker come in: a listening socket, or TLS on one.
class Entrance {
 public:
  struct Entered {
    Fd socket;  // not blocking
    Peer peer;
  };

  explicit Entrance(Fd listener) : listener_{std::move(listener)} {}
  explicit Entrance(channel::tls::Handshakes tls) : tls_{std::move(tls)} {}

  /// Readable when somebody waits.
  int native_handle() const noexcept { return tls_ ? tls_->native_handle() : listener_.get(); }
  /// The next master. not_found: nobody waits; resource_exhausted: there is no room for one.
  Result<Entered> accept();
  /// Nobody can come in any more.
  void close();

 private:
  Fd listener_;
  std::optional<channel::tls::Handshakes> tls_;
};

}  // namespace coworker::worker
