#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "channel/tls/context.h"

namespace coworker::channel::tls {

/// TLS connections as the rest of the program sees them: plain stream sockets. Handshakes and ciphers are the business
/// of one thread of the process, so a slow handshake delays neither its neighbours nor anybody's loop; what is written
/// into the socket leaves encrypted, and who closes it closes the connection after what was written has left. At the
/// end of the program what was written leaves, too.
///
///     Result<Handshakes> entrance = Handshakes::serve(std::move(listening), context);
///     … when entrance->native_handle() is readable: Result<Accepted> next = entrance->accept();
///
/// Thread safety: one thread at a time.
class Handshakes {
 public:
  struct Accepted {
    Fd socket;            // not blocking, close-on-exec
    std::string address;  // "127.0.0.1:40312"
    std::string subject;  // of the other side's certificate; empty: it showed none
  };

  /// Takes whoever connects to a listening TCP socket. Who fails is logged.
  static Result<Handshakes> serve(Fd listener, std::shared_ptr<const Context> context);
  /// The client's side of a connected TCP socket; `host` is whom it means to reach. `accept` tells once what became of
  /// it.
  static Result<Handshakes> connect(Fd socket, std::shared_ptr<const Context> context, const std::string& host);

  Handshakes(Handshakes&&) noexcept = default;
  Handshakes& operator=(Handshakes&&) noexcept = default;
  /// As close.
  ~Handshakes();

  /// Readable when `accept` has something to tell.
  int native_handle() const noexcept { return results_.get(); }
  /// Does not wait. not_found: nothing yet. Of a client: denied when the server is not who it should be or does not
  /// want us, else unavailable.
  Result<Accepted> accept();
  /// Nobody can connect any more when this returns; handshakes that have not ended are dropped.
  void close();

 private:
  Handshakes(Fd results, Fd listener) : results_{std::move(results)}, listener_{std::move(listener)} {}

  Fd results_;
  Fd listener_;  // the same socket that the other thread accepts from
};

/// `connect`, and waits for what becomes of it. `unavailable` at the deadline.
Result<Fd> shake_hands(Fd socket, std::shared_ptr<const Context> context, const std::string& host,
                       std::chrono::steady_clock::time_point deadline);

}  // namespace coworker::channel::tls
