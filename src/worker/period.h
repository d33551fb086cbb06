#pragma once

#include <algorithm>
#include <chrono>

namespace coworker::worker {

/// When the rounds of a loop are due: a period counts from the start of one round to the start of the next. A round
/// that takes longer is followed by the next one at once, and periods that were missed are not made up.
///
/// Pure: the caller says what time it is.
class Period {
 public:
  using Clock = std::chrono::steady_clock;

  Period(Clock::duration length, Clock::time_point first) : length_{length}, due_{first} {}

  /// Of the next round.
  Clock::time_point due() const { return due_; }

  /// The round that was due has begun.
  void begun() { due_ += length_; }

  /// The worker is free again: what has become due meanwhile is due now, once.
  void free_at(Clock::time_point now) { due_ = std::max(due_, now); }

 private:
  Clock::duration length_;
  Clock::time_point due_;
};

}  // namespace coworker::worker
