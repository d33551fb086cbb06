#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <string>

#include "program.h"

namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

class Schedule : public testing::Test {
 protected:
  std::ptrdiff_t jobs() const {
    const std::string listed = sandbox_.run({"jobs", "--json", "--limit", "0"}).out;
    return std::count(listed.begin(), listed.end(), '\n');
  }

  /// Two runs that belong to one minute: away from its end.
  static void wait_for_room_in_the_minute() {
    ASSERT_TRUE(eventually([] { return std::time(nullptr) % 60 < 45; }));
  }

  Sandbox sandbox_;
};

TEST_F(Schedule, ATickAddsWhatIsDueOnceAMinute) {
  sandbox_.write(
      "crontab",
      "* * * * * mail {\"to\": \"anna\"}\n0 0 29 2 7#5 never-today 1\n61 * * * * bad 1\n* * * * * text a b\n");
  wait_for_room_in_the_minute();
  const Ran first = sandbox_.run({"schedule", "--crontab", "crontab"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, IsEmpty());
  EXPECT_THAT(first.err, HasSubstr("crontab:3: minute '61' is not in 0-59"));
  const std::ptrdiff_t after_first = jobs();
  const Ran second = sandbox_.run({"scheduler", "-c", "crontab", "--json"});
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr(R"("added":[],"repeated":2)"));
  EXPECT_EQ(after_first, 2);
  EXPECT_EQ(jobs(), 2);
  const std::string bodies = sandbox_.run({"jobs", "--bodies"}).out;
  EXPECT_THAT(bodies, HasSubstr(R"("body":{"to": "anna"})"));
  EXPECT_THAT(bodies, HasSubstr(R"("body":"a b")"));
}

TEST_F(Schedule, WhatCannotBeReadIsAnError) {
  EXPECT_EQ(sandbox_.run({"schedule"}).code, 1);
  EXPECT_EQ(sandbox_.run({"scheduler", "-c", "missing"}).code, 1);
  sandbox_.write("crontab", "* * * * * q 1\n");
  const Ran zone = sandbox_.run({"schedule", "--crontab", "crontab", "--time-zone", "Mars/Olympus"});
  EXPECT_EQ(zone.code, 1);
  EXPECT_THAT(zone.err, HasSubstr("no time zone 'Mars/Olympus'"));
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data")));
}

TEST_F(Schedule, NothingDueTouchesNoStore) {
  sandbox_.write("crontab", "0 0 29 2 * q 1\n");
  EXPECT_EQ(sandbox_.run({"schedule", "--crontab", "crontab"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data")));
}

TEST_F(Schedule, NextPrintsTheComingTimesOfAllRowsInTheirOwnTime) {
  sandbox_.write("crontab", "CRON_TZ=Asia/Kolkata 0 9 * * * a 1\n30 4 * * * b 2\n");
  const Ran next = sandbox_.run({"schedule", "--crontab", "crontab", "--time-zone", "UTC", "next", "4"});
  EXPECT_EQ(next.code, 0) << next.err;
  EXPECT_THAT(next.out, HasSubstr(" 09:00+05:30  a"));
  EXPECT_THAT(next.out, HasSubstr(" 04:30+00:00  b"));
  EXPECT_EQ(std::count(next.out.begin(), next.out.end(), '\n'), 5);
  EXPECT_EQ(sandbox_.run({"schedule", "next", "4", "--crontab", "crontab", "--time-zone", "UTC"}).out, next.out)
      << "wherever the flags stand";
  EXPECT_EQ(sandbox_.run({"schedule", "--crontab", "crontab", "next", "none"}).code, 2);
  sandbox_.write("crontab", "@reboot q 1\n");
  const Ran bad = sandbox_.run({"schedule", "--crontab", "crontab", "next"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, HasSubstr("crontab:1: '@reboot'"));
}

TEST_F(Schedule, RunAndWatchTogetherAddARowOnce) {
  sandbox_.write("coworker.yml",
                 "queues: { other: { worker: { type: command, command: [\"true\"] } } }\n"
                 "schedule: { crontab: crontab, time_zone: Europe/Paris }\n");
  sandbox_.write("crontab", "* * * * * once 1\n");
  EXPECT_THAT(sandbox_.run({"config", "check"}).out, HasSubstr("1 queues"));
  wait_for_room_in_the_minute();
  Background run{sandbox_, {"run"}};
  ASSERT_TRUE(eventually([&] { return jobs() == 1; })) << run.log();
  Background watch{sandbox_, {"schedule", "--watch", "--json"}};
  ASSERT_TRUE(eventually([&] { return watch.log().find("\"repeated\":1") != std::string::npos; })) << watch.log();
  EXPECT_EQ(jobs(), 1);
  EXPECT_EQ(watch.stop(), 0);
  EXPECT_EQ(run.stop(), 0);
}

TEST_F(Schedule, ConfigCheckReadsTheCrontab) {
  sandbox_.write("coworker.yml", "schedule: { crontab: crontab }\n");
  EXPECT_EQ(sandbox_.run({"config", "check"}).code, 1);
  sandbox_.write("crontab", "* * * * 9 q 1\n");
  const Ran bad = sandbox_.run({"config", "check"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, HasSubstr(":1: weekday '9'"));
  sandbox_.write("coworker.yml", "schedule: { crontab: crontab, catch_up: sometimes }\n");
  EXPECT_THAT(sandbox_.run({"config", "check"}).err, HasSubstr("catch_up"));
}

}  // namespace
