#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "channel/tls/handshakes.h"

/// What the relay's thread tells a Handshakes: packets on a pair of SOCK_SEQPACKET sockets. The first byte is '+' for a
/// connection, whose socket comes with the packet, then its address, NUL, and the subject; else '-' and one byte of
/// Errc, then why there is none.
namespace coworker::channel::tls {

enum class Handed { done, full, gone };  // full: again when there is room; gone: nobody wants it

struct Packet {
  Packet(Fd connection, const std::string& address, const std::string& subject);
  explicit Packet(const Error& error);

  Fd socket;
  std::string text;
};

Handed hand_over(int results, const Packet& packet);

/// not_found: no packet waits.
Result<Handshakes::Accepted> take_over(int results);

}  // namespace coworker::channel::tls
