#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>

#include "async/loop.h"
#include "coworker/channel_worker.h"

namespace coworker::worker {

/// What is behind an evented worker's Loop.
struct LoopState {
  struct Timer {
    explicit Timer(async::Loop& loop) : timer{loop} {}
    boost::asio::steady_timer timer;
    std::chrono::milliseconds period{0};  // 0: once
    std::function<void()> call;
  };
  struct Watch {
    explicit Watch(async::Loop& loop) : stream{loop} {}
    ~Watch() { stream.release(); }
    boost::asio::posix::stream_descriptor stream;
    std::function<void()> call;
  };

  /// Whether the author registered something that has not ended.
  bool is_waiting() const { return !timers.empty() || !watches.empty(); }

  async::Loop loop{1};
  std::map<Loop::Id, std::shared_ptr<Timer>> timers;
  std::map<Loop::Id, std::shared_ptr<Watch>> watches;
  Loop::Id last_id = 0;
  std::function<void()> on_change;          // something is not registered any more
  std::function<void()> on_stop_listening;  // the author asks for it
};

}  // namespace coworker::worker
