#include "proc/keeper_link.h"

#include <sys/socket.h>

#include <cerrno>

#include "proc/keeper_message.h"

namespace coworker::proc {

void tell_dead(int keeper, pid_t group) {
  const KeeperMessage message{KeeperMessage::kDead, static_cast<std::uint32_t>(group), 0};
  while (::send(keeper, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

}  // namespace coworker::proc
