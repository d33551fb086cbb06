#include "job/cron.h"

#include <fmt/chrono.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "job/time_zone_fixture.h"

namespace coworker::job {
namespace {

namespace c = std::chrono;

Minute minute_of(const char* text) {
  int year = 0;
  unsigned month = 0, day = 0;
  int hour = 0, minute = 0;
  EXPECT_EQ(std::sscanf(text, "%d-%u-%u %d:%d", &year, &month, &day, &hour, &minute), 5) << text;
  return c::sys_days{c::year{year} / c::month{month} / c::day{day}} + c::hours{hour} + c::minutes{minute};
}

std::string text_of(Minute minute) {
  const c::year_month_day date{c::floor<c::days>(minute)};
  const c::hh_mm_ss time{minute - c::floor<c::days>(minute)};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count());
}

struct NextCase {
  const char* name;
  const char* row;
  const char* after;              // UTC
  std::vector<const char*> want;  // UTC: the next ones, one after the other
  bool in_paris = false;
};

void PrintTo(const NextCase& row, std::ostream* out) {
  *out << row.name;
}

class CronNext : public testing::TestWithParam<NextCase> {};

TEST_P(CronNext, Minutes) {
  const Result<CronTimes> times = CronTimes::parse(GetParam().row);
  ASSERT_TRUE(times) << times.error().message();
  const TimeZone zone = GetParam().in_paris ? paris() : TimeZone{};
  Minute after = minute_of(GetParam().after);
  for (const char* want : GetParam().want) {
    const std::optional<Minute> next = times->next(after, zone);
    ASSERT_TRUE(next);
    EXPECT_EQ(text_of(*next), want);
    after = *next;
  }
}

constexpr bool kParis = true;

INSTANTIATE_TEST_SUITE_P(
    Table, CronNext,
    testing::Values(
        NextCase{"EveryMinute", "* * * * *", "2026-12-31 23:58", {"2026-12-31 23:59", "2027-01-01 00:00"}},
        NextCase{"Lists", "5,10 3,4 * * *", "2026-01-01 03:05", {"2026-01-01 03:10", "2026-01-01 04:05"}},
        NextCase{"Ranges", "0 9-11 * * *", "2026-01-01 10:30", {"2026-01-01 11:00", "2026-01-02 09:00"}},
        NextCase{"Steps", "*/20 * * * *", "2026-01-01 00:00", {"2026-01-01 00:20", "2026-01-01 00:40"}},
        NextCase{"StepsOfARange", "10-30/10 * * * *", "2026-01-01 00:10", {"2026-01-01 00:20", "2026-01-01 00:30"}},
        NextCase{"StepsFromAStart", "7/30 * * * *", "2026-01-01 00:00", {"2026-01-01 00:07", "2026-01-01 00:37"}},
        NextCase{"StepBeyondTheEnd", "*/90 * * * *", "2026-01-01 00:00", {"2026-01-01 01:00"}},
        NextCase{"NamesInAnyCase", "0 0 1 jAn,FEB *", "2026-01-01 00:00", {"2026-02-01 00:00", "2027-01-01 00:00"}},
        NextCase{"WeekdayNames", "0 0 * * Mon-fri", "2026-01-02 00:00", {"2026-01-05 00:00"}},
        NextCase{"SundayIsZero", "0 0 * * 0", "2026-01-01 00:00", {"2026-01-04 00:00"}},
        NextCase{"SundayIsSeven", "0 0 * * 7", "2026-01-01 00:00", {"2026-01-04 00:00"}},
        NextCase{"ARangeMayEndWithSunday",
                 "0 0 * * SAT-SUN",
                 "2026-01-01 00:00",
                 {"2026-01-03 00:00", "2026-01-04 00:00", "2026-01-10 00:00"}},
        NextCase{"ARangeMayEndWithSeven", "0 0 * * 6-7", "2026-01-01 00:00", {"2026-01-03 00:00", "2026-01-04 00:00"}},
        NextCase{"EitherDayIsEnough",
                 "0 0 13 * FRI",
                 "2026-02-01 00:00",
                 {"2026-02-06 00:00", "2026-02-13 00:00", "2026-02-20 00:00", "2026-02-27 00:00", "2026-03-06 00:00"}},
        NextCase{"AStarInFrontDoesNotRestrict",
                 "0 0 */2 * MON",
                 "2026-01-01 00:00",
                 {"2026-01-05 00:00", "2026-01-19 00:00"}},
        NextCase{"AQuestionMarkIsAStar", "0 0 ? * MON", "2026-01-01 00:00", {"2026-01-05 00:00", "2026-01-12 00:00"}},
        NextCase{
            "AQuestionMarkForWeekdays", "0 0 31 * ?", "2026-02-01 00:00", {"2026-03-31 00:00", "2026-05-31 00:00"}},
        NextCase{"LeapDay", "0 0 29 2 *", "2026-01-01 00:00", {"2028-02-29 00:00", "2032-02-29 00:00"}},
        NextCase{"NoLeapDayIn2100", "0 0 29 2 *", "2096-03-01 00:00", {"2104-02-29 00:00"}},
        NextCase{"LastDay", "0 0 L * *", "2028-01-31 00:00", {"2028-02-29 00:00", "2028-03-31 00:00"}},
        NextCase{"LastDayAndAnother", "0 0 1,l * *", "2026-02-01 00:00", {"2026-02-28 00:00", "2026-03-01 00:00"}},
        NextCase{"NearestWeekday",
                 "0 0 15W * *",
                 "2026-01-31 00:00",  // Sunday 15 February, Sunday 15 March
                 {"2026-02-16 00:00", "2026-03-16 00:00", "2026-04-15 00:00"}},
        NextCase{"NearestWeekdayToASaturday", "0 0 15w 8 *", "2026-01-01 00:00", {"2026-08-14 00:00"}},
        NextCase{"NearestWeekdayStaysInItsMonth",
                 "0 0 1W * *",
                 "2026-07-31 00:00",  // 1 August 2026: Saturday
                 {"2026-08-03 00:00", "2026-09-01 00:00"}},
        NextCase{"NearestWeekdayAtTheEnd",
                 "0 0 31W * *",
                 "2026-05-01 00:00",  // 31 May 2026: Sunday; June has none
                 {"2026-05-29 00:00", "2026-07-31 00:00"}},
        NextCase{"LastFriday", "0 0 * * 5L", "2026-01-01 00:00", {"2026-01-30 00:00", "2026-02-27 00:00"}},
        NextCase{"LastSundayByName", "0 0 * * sunL", "2026-01-01 00:00", {"2026-01-25 00:00"}},
        NextCase{"SecondFriday", "0 0 * * 5#2", "2026-01-01 00:00", {"2026-01-09 00:00", "2026-02-13 00:00"}},
        NextCase{"FifthFriday", "0 0 * * FRI#5", "2026-01-01 00:00", {"2026-01-30 00:00", "2026-05-29 00:00"}},
        NextCase{"SundayHashSeven", "0 0 * * 7#1", "2026-01-01 00:00", {"2026-01-04 00:00", "2026-02-01 00:00"}},
        NextCase{"Daily", "@daily", "2026-01-01 00:00", {"2026-01-02 00:00"}},
        NextCase{"Midnight", "@Midnight", "2026-01-01 00:00", {"2026-01-02 00:00"}},
        NextCase{"Hourly", "@hourly", "2026-01-01 00:00", {"2026-01-01 01:00"}},
        NextCase{"Weekly", "@weekly", "2026-01-01 00:00", {"2026-01-04 00:00"}},
        NextCase{"Monthly", "@monthly", "2026-01-01 00:00", {"2026-02-01 00:00"}},
        NextCase{"Yearly", "@yearly", "2026-01-01 00:00", {"2027-01-01 00:00"}},
        NextCase{"Annually", "@annually", "2026-01-01 00:00", {"2027-01-01 00:00"}},
        NextCase{"BlanksAndTabs", "\t0  0\t1 1   *", "2026-01-01 00:00", {"2027-01-01 00:00"}}),
    [](const auto& row) { return row.param.name; });

// The clocks of Paris: forward at 2026-03-29 01:00 UTC from 2:00 to 3:00, back at 2026-10-25 01:00 UTC from 3:00.
INSTANTIATE_TEST_SUITE_P(
    Paris, CronNext,
    testing::Values(
        NextCase{"WinterAndSummer", "0 12 * * *", "2026-03-28 00:00", {"2026-03-28 11:00", "2026-03-29 10:00"}, kParis},
        NextCase{"InTheGapRunsRightAfter",
                 "30 2 * * *",
                 "2026-03-28 12:00",
                 {"2026-03-29 01:00", "2026-03-30 00:30"},
                 kParis},
        NextCase{"ManyInTheGapRunOnce",
                 "*/10 2 * * *",
                 "2026-03-28 12:00",
                 {"2026-03-29 01:00", "2026-03-30 00:00"},
                 kParis},
        NextCase{"InTheGapAndRightAfterRunsOnce",
                 "0 2,3 * * *",
                 "2026-03-28 12:00",
                 {"2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 01:00"},
                 kParis},
        NextCase{"BeforeAndAfterTheGapAsEver",
                 "59 1,3 * * *",
                 "2026-03-29 00:00",
                 {"2026-03-29 00:59", "2026-03-29 01:59"},
                 kParis},
        NextCase{"TheGapOfAnotherDay", "30 2 30 * *", "2026-03-28 12:00", {"2026-03-30 00:30"}, kParis},
        NextCase{
            "InTheOverlapRunsOnce", "30 2 * * *", "2026-10-24 12:00", {"2026-10-25 00:30", "2026-10-26 01:30"}, kParis},
        NextCase{"ManyInTheOverlapRunOnceEach",
                 "*/20 2 * * *",
                 "2026-10-24 12:00",
                 {"2026-10-25 00:00", "2026-10-25 00:20", "2026-10-25 00:40", "2026-10-26 01:00"},
                 kParis},
        NextCase{"AfterTheOverlap", "0 3 * * *", "2026-10-25 00:00", {"2026-10-25 02:00"}, kParis},
        NextCase{"InsideTheOverlapNothingIsFound", "30 2 * * *", "2026-10-25 01:10", {"2026-10-26 01:30"}, kParis},
        NextCase{"EveryHourFollowsElapsedTimeForward",
                 "0 * * * *",
                 "2026-03-28 23:30",
                 {"2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"},
                 kParis},
        NextCase{"EveryHourFollowsElapsedTimeBack",
                 "15 * * * *",
                 "2026-10-24 23:30",
                 {"2026-10-25 00:15", "2026-10-25 01:15", "2026-10-25 02:15"},
                 kParis},
        NextCase{"EveryHourHasNothingInTheGap", "30 * * * *", "2026-03-29 00:30", {"2026-03-29 01:30"}, kParis}),
    [](const auto& row) { return row.param.name; });

TEST(CronElsewhere, ADayThatWasLeftOutIsMadeUpFor) {
  // Samoa had no 30 December 2011.
  std::string file = zone_file("<+14>-14", -36'000);
  const std::size_t half = (file.size() - 10) / 2;
  std::string second = file.substr(0, half);
  second[4 + 31] = 1;  // one change, to a second type
  second[4 + 35] = 2;
  std::string data;
  append_big_endian(data, 1'325'239'200, 8);
  data += '\1';
  append_big_endian(data, -36'000, 4);
  data.append(2, '\0');
  append_big_endian(data, 50'400, 4);
  data.append(2, '\0');
  data.append("LMT\0", 4);
  const Result<TimeZone> apia = TimeZone::decode(file.substr(0, half) + second.substr(0, 44) + data + "\n<+14>-14\n");
  ASSERT_TRUE(apia) << apia.error().message();
  const CronTimes times = CronTimes::parse("0 12 30 12 *").value();
  EXPECT_EQ(text_of(*times.next(minute_of("2011-12-30 00:00"), *apia)), "2011-12-30 10:00");
  EXPECT_EQ(text_of(*times.next(minute_of("2011-12-30 10:00"), *apia)), "2012-12-29 22:00");
}

TEST(CronElsewhere, ClocksThatMoveByHalfAnHour) {
  const TimeZone lord_howe = zone_of("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
  const CronTimes times = CronTimes::parse("15 2 * * *").value();
  // 2026-10-04: 2:00 becomes 2:30 at 15:30 UTC of the day before.
  EXPECT_EQ(text_of(*times.next(minute_of("2026-10-03 00:00"), lord_howe)), "2026-10-03 15:30");
  EXPECT_EQ(text_of(*times.next(minute_of("2026-10-03 15:30"), lord_howe)), "2026-10-04 15:15");
}

struct BadCase {
  const char* name;
  const char* row;
  const char* says;
};

void PrintTo(const BadCase& row, std::ostream* out) {
  *out << row.name;
}

class CronRefuses : public testing::TestWithParam<BadCase> {};

TEST_P(CronRefuses, WithAMessage) {
  const Result<CronTimes> times = CronTimes::parse(GetParam().row);
  ASSERT_FALSE(times);
  EXPECT_EQ(times.error().code(), Errc::invalid_argument);
  EXPECT_NE(times.error().message().find(GetParam().says), std::string::npos) << times.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    Table, CronRefuses,
    testing::Values(
        BadCase{"TooFew", "* * * *", "less than five"}, BadCase{"TooMany", "* * * * * *", "more than five"},
        BadCase{"Nothing", "", "less than five"},
        BadCase{"MinuteOutOfRange", "61 * * * *", "minute '61' is not in 0-59"},
        BadCase{"HourOutOfRange", "0 24 * * *", "hour '24'"}, BadCase{"DayZero", "0 0 0 * *", "day of month '0'"},
        BadCase{"MonthThirteen", "0 0 1 13 *", "month '13'"}, BadCase{"WeekdayEight", "0 0 * * 8", "weekday '8'"},
        BadCase{"StepZero", "*/0 * * * *", "minute '*/0' has no step of 1 or more"},
        BadCase{"StepMissing", "*/ * * * *", "no step"}, BadCase{"StepNegative", "*/-1 * * * *", "no step"},
        BadCase{"Backwards", "0 22-2 * * *", "hour '22-2' runs backwards"},
        BadCase{"BackwardsByName", "0 0 * * FRI-MON", "runs backwards"},
        BadCase{"BackwardsToZero", "0 0 * * 5-0", "runs backwards"},
        BadCase{"UnknownName", "0 0 * JANUARY *", "month 'JANUARY' is neither"},
        BadCase{"NameInTheWrongField", "0 0 MON * *", "day of month 'MON'"},
        BadCase{"EmptyElement", "1,,2 * * * *", "minute ''"}, BadCase{"Sign", "+1 * * * *", "minute '+1'"},
        BadCase{"Huge", "99999999999 * * * *", "minute '99999999999'"},
        BadCase{"SixthWeekday", "0 0 * * 1#6", "number of the weekday '6'"},
        BadCase{"HashWithoutNumber", "0 0 * * 1#", "number of the weekday ''"},
        BadCase{"NearestToNothing", "0 0 W * *", "day of month 'W'"},
        BadCase{"LastWithoutWeekday", "0 0 * * L", "weekday 'L'"},
        BadCase{"LInTheWrongField", "L * * * *", "minute 'L'"}, BadCase{"NeverDue", "0 0 30 2 *", "never due"},
        BadCase{"NeverDueEither", "0 0 31W 4 ?", "never due"},
        BadCase{"AtReboot", "@reboot", "'@reboot' is not one of"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace coworker::job
