#include "base/pauses.h"

#include <algorithm>
#include <cmath>

namespace coworker {

Millis pause_after(const PauseRule& rule, std::uint32_t failures, double roll) {
  // Infinite after many failures, and the longest then.
  const double grown =
      static_cast<double>(rule.first.count()) * std::pow(rule.factor, static_cast<double>(failures) - 1);
  const double whole = std::min(grown, static_cast<double>(rule.longest.count()));
  return Millis{std::llround(whole * (1 + rule.spread * (2 * roll - 1)))};
}

Millis Pauses::next() {
  if (failures_ < UINT32_MAX) ++failures_;
  return pause_after(rule_, failures_, std::uniform_real_distribution<double>{0, 1}(random_));
}

}  // namespace coworker
