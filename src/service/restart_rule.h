#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace coworker::service {

/// When a process that has ended is started again: at once the first time, then ever later, and after too many ends in
/// a row never. One that had run long enough begins a new row.
///
/// Pure.
class RestartRule {
 public:
  static constexpr Millis kFirst{100};  // before the second start in a row
  static constexpr Millis kLongest{30'000};
  static constexpr Millis kLongEnough{30'000};

  /// `limit` 0: none. `looptime`: running less than two rounds is not long.
  RestartRule(std::uint32_t limit, Millis looptime) : limit_{limit}, enough_{std::max(kLongEnough, looptime * 2)} {}

  /// It has ended after so long. nullopt: it is not started again.
  std::optional<Millis> ended(Millis lived) {
    if (lived >= enough_) ends_ = 0;
    ++ends_;
    if (limit_ > 0 && ends_ > limit_) return std::nullopt;
    pause_ = ends_ == 1 ? Millis{0} : ends_ == 2 ? kFirst : std::min(pause_ * 2, kLongest);
    return pause_;
  }

  /// It is started because somebody says so.
  void reset() { ends_ = 0; }

 private:
  std::uint32_t limit_;
  Millis enough_;
  std::uint32_t ends_ = 0;
  Millis pause_{0};
};

}  // namespace coworker::service
