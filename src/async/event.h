#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/task.h"
#include "base/time.h"

namespace coworker::async {

/// Something that coroutines wait for. `set` wakes all that wait and lets later waits pass at once,
/// until `reset`.
///
/// Thread safety: the loop's thread only. Nobody may wait when it is destroyed.
class Event {
 public:
  explicit Event(asio::any_io_executor executor);

  void set();
  void reset() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

  /// Returns once set.
  Task<> wait();

  /// As `wait`, for `limit` at most; whether it was set in time.
  Task<bool> wait_for(Millis limit);

 private:
  asio::steady_timer waiting_;  // never expires; cancelled by set
  bool set_ = false;
};

/// Returns after `duration`. Not interruptible: what may have to stop waits on an Event.
Task<> sleep_for(Millis duration);

}  // namespace coworker::async
