#pragma once

#include <cstdint>
#include <random>

#include "base/time.h"

namespace coworker {

/// How long to wait after failures in a row: longer after each one, and more or less by chance, so that many that fail
/// together do not come again together.
struct PauseRule {
  Millis first{100};
  Millis longest{30'000};  // before chance has its share
  double factor = 2.0;     // >= 1
  double spread = 0.2;     // share of a pause that it is longer or shorter at most, in [0, 1]
};

/// After the n-th failure in a row, from 1; `roll` is uniform in [0, 1).
Millis pause_after(const PauseRule& rule, std::uint32_t failures, double roll);

/// The pauses of one who tries again and again.
class Pauses {
 public:
  explicit Pauses(PauseRule rule) : rule_{rule} {}

  /// After one more failure.
  Millis next();
  /// It has worked.
  void reset() { failures_ = 0; }

 private:
  PauseRule rule_;
  std::uint32_t failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace coworker
