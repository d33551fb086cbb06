#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/time.h"

/// What the numbers of an add may be. Disque lets them overflow; here they are refused.
namespace coworker::net::resp {

inline constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::int64_t kMaxRetry = kMaxSeconds / 1000;  // its milliseconds must fit in 32 bits
inline constexpr std::int64_t kMaxMillis = std::int64_t{1} << 52;

/// The moment of expiry is a 32-bit count of seconds: in the year 2106 at the latest.
inline std::int64_t longest_ttl() {
  return kMaxSeconds - wall_millis() / 1000;
}

/// Of a job that does not say: a tenth of its lifetime, from 1 s to 5 min.
constexpr std::int64_t default_retry(std::int64_t ttl) {
  return std::clamp<std::int64_t>(ttl / 10, 1, 300);
}

}  // namespace coworker::net::resp
