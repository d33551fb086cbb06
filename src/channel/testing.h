#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/fd.h"

namespace coworker::channel {

/// For tests: a TCP port of loopback that was free a moment ago.
inline int free_port() {
  const Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  CW_CHECK(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0);
  CW_CHECK(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
  return ntohs(name.sin_port);
}

}  // namespace coworker::channel
