#include "service/restart_rule.h"

#include <gtest/gtest.h>

#include <vector>

namespace coworker::service {
namespace {

using std::chrono::hours;

std::vector<std::int64_t> pauses(RestartRule& rule, int ends, Millis lived) {
  std::vector<std::int64_t> found;
  for (int i = 0; i < ends; ++i) {
    const std::optional<Millis> pause = rule.ended(lived);
    found.push_back(pause ? pause->count() : -1);
  }
  return found;
}

TEST(Case11_RestartRule, AtOnceThenEverLaterUpToHalfAMinute) {
  RestartRule rule{0, Millis{1'000}};
  EXPECT_EQ(pauses(rule, 12, Millis{5}),
            (std::vector<std::int64_t>{0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000}));
}

TEST(Case11_RestartRule, AfterTheLimitNeverAgain) {
  RestartRule rule{2, Millis{1'000}};
  EXPECT_EQ(pauses(rule, 4, Millis{0}), (std::vector<std::int64_t>{0, 100, -1, -1}));
  rule.reset();
  EXPECT_EQ(pauses(rule, 1, Millis{0}), (std::vector<std::int64_t>{0}));
}

TEST(Case11_RestartRule, OneThatRanLongBeginsANewRow) {
  RestartRule rule{2, Millis{1'000}};
  pauses(rule, 2, Millis{0});
  EXPECT_EQ(pauses(rule, 3, Millis{30'000}), (std::vector<std::int64_t>{0, 0, 0}));
  RestartRule slow{2, hours{1}};
  EXPECT_EQ(pauses(slow, 3, hours{1}), (std::vector<std::int64_t>{0, 100, -1})) << "it dies in each second round";
}

}  // namespace
}  // namespace coworker::service
