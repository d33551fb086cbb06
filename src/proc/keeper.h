#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "async/loop.h"
#include "base/error.h"
#include "base/fd.h"
#include "proc/keeper_message.h"
#include "proc/spawn.h"

namespace coworker::proc {

/// The supervisor's side of a keeper process (see keeper_main.h).
///
/// Lives on the loop's thread. Destroying it ends the keeper, which kills what is registered then, and waits for
/// that; so it should be destroyed when everything registered has ended.
class Keeper {
 public:
  struct Events {
    std::function<void(std::uint32_t owner, std::uint32_t killed)> on_gone;  // that owner's groups are confirmed dead
    std::function<void()> on_lost;                                           // the keeper itself is dead; called once
  };

  /// Starts `launch` (program and words only are taken), which must call keeper_main(3).
  static Result<std::unique_ptr<Keeper>> start(async::Loop& loop, Launch launch, Events events);

  /// For Launch::keeper: groups that die with this process.
  int connection() { return control_.native_handle(); }

  /// A connection for another process, which inherits it; its groups die when its last copy is closed.
  Result<Fd> add_owner(std::uint32_t id);

  /// A group that was registered over connection() may live on for so long when this process ends, to end by itself.
  void give_grace(pid_t group, Millis grace);

  pid_t pid() const noexcept { return process_.pid; }

  ~Keeper();

 private:
  Keeper(async::Loop& loop, Process process, Events events);
  void listen();
  void reap_ended();

  Process process_;
  Events events_;
  boost::asio::posix::stream_descriptor control_;
  bool lost_ = false;
  // Ends the callbacks that are still queued when this object goes.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace coworker::proc
