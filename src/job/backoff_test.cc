#include "job/backoff.h"

#include <gtest/gtest.h>

namespace coworker::job {
namespace {

constexpr double kHighest = 0.999999999999;

struct BackoffCase {
  const char* name;
  std::uint32_t retries;
  std::int64_t shortest;
  std::int64_t longest;
  std::int64_t earliest;  // since the first failure
  std::int64_t latest;
};

class Backoff : public testing::TestWithParam<BackoffCase> {};

TEST_P(Backoff, HasTheTableOfItsPredecessor) {
  const BackoffCase& row = GetParam();
  const Seconds low = backoff(row.retries, 0.0);
  const Seconds high = backoff(row.retries, kHighest);
  EXPECT_EQ(std::min(low, high).count(), row.shortest);
  EXPECT_EQ(std::max(low, high).count(), row.longest);

  std::int64_t earliest = 0;
  std::int64_t latest = 0;
  for (std::uint32_t r = 0; r <= row.retries; ++r) {
    const std::int64_t one = backoff(r, 0.0).count();
    const std::int64_t other = backoff(r, kHighest).count();
    earliest += std::min(one, other);
    latest += std::max(one, other);
  }
  EXPECT_EQ(earliest, row.earliest);
  EXPECT_EQ(latest, row.latest);
}

INSTANTIATE_TEST_SUITE_P(Table, Backoff,
                         testing::Values(BackoffCase{"FirstRetryIsImmediate", 0, 0, 0, 0, 0},
                                         BackoffCase{"Second", 1, 4, 4, 4, 4}, BackoffCase{"Third", 2, 16, 17, 20, 21},
                                         BackoffCase{"Fourth", 3, 64, 70, 84, 91},
                                         BackoffCase{"Fifth", 4, 256, 281, 340, 372},
                                         BackoffCase{"Sixth", 5, 1024, 1126, 1364, 1498},
                                         BackoffCase{"Seventh", 6, 4096, 4505, 5460, 6003},
                                         BackoffCase{"Eighth", 7, 16384, 18022, 21844, 24025},
                                         BackoffCase{"Ninth", 8, 65536, 72089, 87380, 96114},
                                         BackoffCase{"TenthIsCapped", 9, 81000, 90000, 168380, 186114},
                                         BackoffCase{"TwentyFifth", 24, 81000, 90000, 1383380, 1536114},
                                         BackoffCase{"ThirtyEighth", 37, 81000, 90000, 2436380, 2706114}),
                         [](const auto& row) { return row.param.name; });

TEST(BackoffEdges, TakesAnyCountAndAnyRoll) {
  EXPECT_EQ(backoff(4'000'000'000U, 0.0).count(), 90'000);
  EXPECT_EQ(backoff(4'000'000'000U, 1.0).count(), 81'000);
  EXPECT_EQ(backoff(2, -5.0).count(), 16);
  EXPECT_EQ(backoff(2, 5.0).count(), 17);
}

TEST(BackoffEdges, BothEndsOfTheJitterAreAsLikelyAsTheOthers) {
  // 16 to 17: a fair coin.
  EXPECT_EQ(backoff(2, 0.499).count(), 16);
  EXPECT_EQ(backoff(2, 0.501).count(), 17);
}

}  // namespace
}  // namespace coworker::job
