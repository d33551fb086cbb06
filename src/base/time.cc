#include "base/time.h"

#include <ctime>

namespace coworker {
namespace {

std::int64_t millis_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

std::int64_t boot_millis() {
  return millis_of(CLOCK_BOOTTIME);
}
std::int64_t wall_millis() {
  return millis_of(CLOCK_REALTIME);
}

}  // namespace coworker
