#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "job/time_zone.h"

// What is taken for a time zone file has periods that touch each other.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coworker::job;
  const auto zone = TimeZone::decode({reinterpret_cast<const char*>(data), size});
  if (!zone) return 0;
  Minute minute{std::chrono::sys_days{std::chrono::year{1990} / 1 / 1}};
  for (int i = 0; i < 300; ++i) {
    const TimeZone::Period period = zone->at(minute);
    CW_CHECK(period.begin <= minute && minute < period.end);
    minute = period.end;
    if (minute.time_since_epoch().count() >= 4'000'000'000) break;
    CW_CHECK(zone->at(minute).begin == minute);
  }
  return 0;
}
