#include "job/time_zone.h"

#include <gtest/gtest.h>

#include "job/time_zone_fixture.h"

namespace coworker::job {
namespace {

namespace c = std::chrono;

Minute day(int year, unsigned month, unsigned at) {
  return c::sys_days{c::year{year} / c::month{month} / c::day{at}};
}

struct OffsetCase {
  const char* name;
  const char* rule;
  Minute at;
  int minutes;
};

void PrintTo(const OffsetCase& row, std::ostream* out) {
  *out << row.name;
}

class ZoneOffset : public testing::TestWithParam<OffsetCase> {};

TEST_P(ZoneOffset, ByRule) {
  EXPECT_EQ(zone_of(GetParam().rule).at(GetParam().at).offset.count(), GetParam().minutes);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ZoneOffset,
    testing::Values(OffsetCase{"Utc", "UTC0", day(2026, 7, 1), 0},
                    OffsetCase{"East", "<+0530>-5:30", day(2026, 7, 1), 330},
                    OffsetCase{"West", "EST5", day(2026, 7, 1), -300},
                    OffsetCase{"ParisInWinter", "CET-1CEST,M3.5.0,M10.5.0/3", day(2026, 1, 1), 60},
                    OffsetCase{"ParisInSummer", "CET-1CEST,M3.5.0,M10.5.0/3", day(2026, 7, 1), 120},
                    OffsetCase{"ParisIn2150", "CET-1CEST,M3.5.0,M10.5.0/3", day(2150, 7, 1), 120},
                    OffsetCase{"SouthernSummer", "AEST-10AEDT,M10.1.0,M4.1.0/3", day(2026, 1, 1), 660},
                    OffsetCase{"SummerBelowStandard", "IST-1GMT0,M10.5.0,M3.5.0/1", day(2026, 1, 1), 0},
                    OffsetCase{"TimeBeyondTheDay", "EET-2EEST,M3.4.4/50,M10.4.4/50", day(2026, 3, 27), 120},
                    OffsetCase{"TimeBeyondTheDayAfter", "EET-2EEST,M3.4.4/50,M10.4.4/50", day(2026, 3, 28), 180},
                    OffsetCase{"JulianDayBeforeLeapDay", "AAA0BBB,J60/0,J300/0", day(2028, 2, 29), 0},
                    OffsetCase{"JulianDayAfterLeapDay", "AAA0BBB,J60/0,J300/0", day(2028, 3, 1), 60},
                    OffsetCase{"DayOfTheYear", "AAA0BBB,59/0,300/0", day(2028, 2, 29), 60}),
    [](const auto& row) { return row.param.name; });

TEST(TimeZone, APeriodKnowsItsEnds) {
  const TimeZone::Period summer = paris().at(day(2026, 7, 1));
  EXPECT_EQ(summer.begin, day(2026, 3, 29) + c::hours{1});
  EXPECT_EQ(summer.end, day(2026, 10, 25) + c::hours{1});
  EXPECT_EQ(summer.shift, c::minutes{60});
  EXPECT_EQ(paris().at(summer.begin - c::minutes{1}).end, summer.begin);
  EXPECT_EQ(paris().at(summer.end).shift, c::minutes{-60});
}

TEST(TimeZone, EveryCutOfAFileIsRefused) {
  const std::string whole = zone_file("CET-1CEST,M3.5.0,M10.5.0/3");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(TimeZone::decode(whole.substr(0, size))) << size;
  }
}

TEST(TimeZone, BadRulesAreRefused) {
  for (const char* rule : {"C", "CET", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
                           "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
                           "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-200", "<CET-1"}) {
    EXPECT_FALSE(TimeZone::decode(zone_file(rule))) << rule;
  }
}

}  // namespace
}  // namespace coworker::job
