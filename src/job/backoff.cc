#include "job/backoff.h"

#include <algorithm>
#include <cmath>

namespace coworker::job {
namespace {

constexpr std::int64_t kCap = 90'000;
constexpr std::uint32_t kLastPower = 8;  // 4^8 is the last one below the cap

}  // namespace

Seconds backoff(std::uint32_t retries, double roll) {
  if (retries == 0) return Seconds{0};
  const bool capped = retries > kLastPower;
  const std::int64_t base = capped ? kCap : std::int64_t{1} << (2 * retries);
  const std::int64_t most = base / 10;
  const auto picked = static_cast<std::int64_t>(std::floor(std::clamp(roll, 0.0, 1.0) * static_cast<double>(most + 1)));
  const std::int64_t jitter = std::min(picked, most);
  return Seconds{capped ? base - jitter : base + jitter};
}

}  // namespace coworker::job
