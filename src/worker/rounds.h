#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"

namespace coworker::worker {

/// What a loop worker does, and how: a LoopWorker of the program, a command, a pipe program. One call at a time; each
/// is over when its `done` is called, on the loop, maybe before the call returns. An error is told with its text.
///
/// Thread safety: the loop's thread.
class Rounds {
 public:
  using Done = std::function<void(Result<>)>;
  using Reply = std::function<void(Result<boost::json::value>)>;

  virtual ~Rounds() = default;

  virtual void spinup(Done done) { done({}); }
  virtual void round(std::uint64_t number, Done done) = 0;
  virtual void spindown(Done done) { done({}); }

  /// "pause" or "resume" has taken effect.
  virtual void tell(std::string, Done done) { done({}); }
  /// A command of the author's.
  virtual void command(std::string word, boost::json::value arguments, Reply reply) = 0;

  /// The worker is to stop: what runs is asked to end, and ended where that is possible. May come while nothing runs.
  virtual void hurry() = 0;

  /// Called once, after spindown or a spinup in vain: lets go of the loop.
  virtual void close() {}
};

}  // namespace coworker::worker
