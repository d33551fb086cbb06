#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace coworker::channel {

/// Where a stream socket listens or is reached: `unix:PATH`, `tcp:HOST:PORT`, `tls:HOST:PORT` (or `tcp+tls:`), also
/// written with `//` after the colon. An IPv6 host stands in brackets: `tcp:[::1]:7711`.
struct Address {
  enum class Kind : std::uint8_t { unix_socket, tcp, tls };

  Kind kind = Kind::tcp;
  std::string path;  // unix_socket
  std::string host;  // tcp, tls; without brackets
  std::uint16_t port = 0;

  friend bool operator==(const Address&, const Address&) = default;

  /// Reachable from this machine only: a unix socket, 127.0.0.0/8, ::1 or "localhost".
  bool is_local() const;
  bool is_unix() const noexcept { return kind == Kind::unix_socket; }
};

/// Whether the text begins like one, so that it is meant to be an address and not a name.
bool looks_like_address(std::string_view text);

/// `tcp:HOST` alone has `default_port`. Port 0 is allowed: the system chooses.
Result<Address> parse_address(std::string_view text, std::uint16_t default_port = 7711);

/// "unix:PATH", "tcp:HOST:PORT" or "tls:HOST:PORT".
std::string to_string(const Address& address);

}  // namespace coworker::channel
