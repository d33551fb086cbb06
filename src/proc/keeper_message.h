#pragma once

#include <cstdint>

namespace coworker::proc {

/// What goes over a keeper's connections (unix sockets, SOCK_SEQPACKET, one message a packet; both ends are
/// the same program, so fields are in the machine's own order).
///
///   from               message               meaning
///   owner, supervisor  born  PGID            a group was made; sent by the child itself, before exec
///   owner, supervisor  dead  PGID            the group is confirmed dead, and to be forgotten
///   supervisor         owner ID  (+ socket)  the other end of this socket is held by owner ID
///   supervisor         grace PGID (+ ms)     when the supervisor is gone that group may live on for so long
///   keeper             gone  ID              that owner closed its end, and all of its groups are dead
struct KeeperMessage {
  static constexpr std::uint32_t kBorn = 1;
  static constexpr std::uint32_t kDead = 2;
  static constexpr std::uint32_t kOwner = 3;
  static constexpr std::uint32_t kGone = 4;
  static constexpr std::uint32_t kGrace = 5;

  std::uint32_t kind;
  std::uint32_t value;
  std::uint32_t count;  // gone: groups that had to be killed; grace: milliseconds
};

}  // namespace coworker::proc
