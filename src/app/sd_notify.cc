#include "app/sd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>

#include "base/fd.h"

namespace coworker::app {

void sd_notify(std::string_view state) {
  const char* given = std::getenv("NOTIFY_SOCKET");
  const std::string_view path = given == nullptr ? "" : given;
  sockaddr_un name{};
  if (path.empty() || path.size() >= sizeof name.sun_path || (path[0] != '/' && path[0] != '@')) return;
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, path.size());
  if (path[0] == '@') name.sun_path[0] = '\0';  // the abstract namespace
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const Fd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket) return;
  static_cast<void>(
      ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&name), size));
}

}  // namespace coworker::app
