#include "worker/period.h"

#include <gtest/gtest.h>

#include <vector>

namespace coworker::worker {
namespace {

using namespace std::chrono_literals;
using Instant = Period::Clock::time_point;

struct Rounds {
  const char* name;
  std::chrono::milliseconds length;
  std::vector<std::chrono::milliseconds> take;
  std::vector<std::chrono::milliseconds> start;
};

class Case10_Periods : public testing::TestWithParam<Rounds> {};

TEST_P(Case10_Periods, CountFromStartToStart) {
  Instant now{};
  Period period{GetParam().length, now};
  std::vector<std::chrono::milliseconds> start;
  for (const auto took : GetParam().take) {
    period.free_at(now);
    now = std::max(now, period.due());
    start.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()));
    period.begun();
    now += took;
  }
  EXPECT_EQ(start, GetParam().start);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Case10_Periods,
    testing::Values(Rounds{"ShortRounds", 2s, {500ms, 500ms, 500ms}, {0ms, 2s, 4s}},
                    Rounds{"LongRoundsAreBackToBack", 2s, {3s, 3s, 3s}, {0ms, 3s, 6s}},
                    Rounds{"NoBurstAfterALongRound", 2s, {9s, 100ms, 100ms, 100ms}, {0ms, 9s, 11s, 13s}},
                    Rounds{"ARoundOfExactlyThePeriod", 2s, {2s, 2s, 0ms}, {0ms, 2s, 4s}}),
    [](const auto& row) { return row.param.name; });

TEST(Period, ALateAwakeningDoesNotMoveTheRoundsAfterIt) {
  Period period{1s, Instant{}};
  period.begun();
  period.free_at(Instant{} + 10ms);
  EXPECT_EQ(period.due(), Instant{} + 1s);
  period.begun();  // late, at 1.3 s say
  period.free_at(Instant{} + 1'400ms);
  EXPECT_EQ(period.due(), Instant{} + 2s);
}

}  // namespace
}  // namespace coworker::worker
