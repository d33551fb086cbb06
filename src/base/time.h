#pragma once

#include <chrono>
#include <cstdint>

namespace coworker {

using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// A store's own time: milliseconds since the Unix epoch that never decrease, also not over a restart
/// or a step of the wall clock. Zero means "never" where a member says so.
struct Time {
  std::int64_t ms = 0;

  friend constexpr auto operator<=>(Time, Time) = default;
  friend constexpr Time operator+(Time t, Millis d) { return Time{t.ms + d.count()}; }
  friend constexpr Millis operator-(Time a, Time b) { return Millis{a.ms - b.ms}; }
};

/// Milliseconds of CLOCK_BOOTTIME: never steps, and counts while the machine sleeps.
std::int64_t boot_millis();

/// Milliseconds of the wall clock since the Unix epoch.
std::int64_t wall_millis();

}  // namespace coworker
