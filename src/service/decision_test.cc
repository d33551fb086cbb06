#include "service/decision.h"

#include <gtest/gtest.h>

namespace coworker::service {
namespace {

using Action = Decision::Action;
using Kind = worker::Outcome::Kind;

constexpr std::int64_t kNow = 1'000'000;

QueueConfig queue() {
  QueueConfig config;
  config.max_retries = 5;
  config.max_crashes = 3;
  return config;
}

struct DecisionCase {
  const char* name;
  Kind kind;
  std::uint32_t retries;
  std::uint32_t crashes;
  bool at_most_once;
  std::int64_t expires;
  Action want;
  std::int64_t delay;  // s
  bool crashed;
};

class Decide : public testing::TestWithParam<DecisionCase> {};

TEST_P(Decide, WhatBecomesOfAJob) {
  const DecisionCase& row = GetParam();
  Attempt attempt;
  attempt.retries = row.retries;
  attempt.crashes = row.crashes;
  attempt.at_most_once = row.at_most_once;
  attempt.expires = row.expires;
  const Decision decision = decide(row.kind, "why", attempt, queue(), kNow, 0.0);
  EXPECT_EQ(decision.action, row.want);
  EXPECT_EQ(decision.delay, Seconds{row.delay});
  EXPECT_EQ(decision.crashed, row.crashed);
  if (row.kind != Kind::ok) EXPECT_NE(decision.reason.find("why"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Decide,
    testing::Values(
        DecisionCase{"DoneIsDone", Kind::ok, 9, 9, true, 1, Action::ack, 0, false},
        DecisionCase{"FirstFailureRunsAgainAtOnce", Kind::failed, 0, 0, false, 0, Action::retry, 0, false},
        DecisionCase{"LaterOnesWait", Kind::failed, 3, 0, false, 0, Action::retry, 64, false},
        DecisionCase{"LastRetryFailed", Kind::failed, 5, 0, false, 0, Action::bury, 0, false},
        DecisionCase{"CrashIsCountedApart", Kind::crashed, 1, 0, false, 0, Action::retry, 4, true},
        DecisionCase{"ThirdCrashIsTheLast", Kind::crashed, 2, 2, false, 0, Action::bury, 0, true},
        DecisionCase{"CrashesDoNotBuryAFailure", Kind::failed, 2, 7, false, 0, Action::retry, 16, false},
        DecisionCase{"CrashAlsoUsesRetries", Kind::crashed, 5, 0, false, 0, Action::bury, 0, true},
        DecisionCase{"StoppedIsNotCounted", Kind::stopped, 5, 9, false, 0, Action::release, 0, false},
        DecisionCase{"AtMostOnceDoesNotRunAgain", Kind::failed, 0, 0, true, 0, Action::bury, 0, false},
        DecisionCase{"AtMostOnceNotEvenWhenStopped", Kind::stopped, 0, 0, true, 0, Action::bury, 0, false},
        DecisionCase{"LifetimeEndsBeforeTheDelay", Kind::failed, 3, 0, false, kNow + 64, Action::bury, 0, false},
        DecisionCase{"LifetimeEndsJustAfter", Kind::failed, 3, 0, false, kNow + 65, Action::retry, 64, false},
        DecisionCase{"LifetimeIsOver", Kind::failed, 0, 0, false, kNow - 9, Action::bury, 0, false}),
    [](const auto& row) { return row.param.name; });

TEST(DecideMore, ImmediateStrategyNeverWaits) {
  QueueConfig config = queue();
  config.failure_strategy = FailureStrategy::retry_immediately;
  Attempt attempt;
  attempt.retries = 4;
  EXPECT_EQ(decide(Kind::failed, "", attempt, config, kNow, 0.9).delay, Millis{0});
}

TEST(DecideMore, ZeroMeansNoCrashLimitAndNoRetry) {
  QueueConfig config = queue();
  config.max_crashes = 0;
  Attempt attempt;
  attempt.crashes = 1000;
  EXPECT_EQ(decide(Kind::crashed, "", attempt, config, kNow, 0).action, Action::retry);
  config.max_retries = 0;
  EXPECT_EQ(decide(Kind::failed, "", Attempt{}, config, kNow, 0).action, Action::bury);
}

TEST(DecideMore, ReasonsAreBounded) {
  EXPECT_LE(decide(Kind::failed, std::string(9000, 'x'), Attempt{}, queue(), kNow, 0).reason.size(), 1024U);
}

TEST(AttemptOf, CountsAllIncarnations) {
  job::Delivery delivery;
  delivery.attempts = 2;
  delivery.nacks = 3;
  delivery.additional_deliveries = 4;
  delivery.crashes = 1;
  job::Stamp stamp;
  stamp.retries = 10;
  stamp.creation_time = 100;
  stamp.job_lifetime = 50;
  const Attempt attempt = attempt_of(delivery, 0, stamp, 120);
  EXPECT_EQ(attempt.retries, 19U);
  EXPECT_EQ(attempt.crashes, 1U);
  EXPECT_TRUE(attempt.at_most_once);
  EXPECT_EQ(attempt.expires, 150);
  EXPECT_EQ(attempt_of(delivery, 0, stamp, 1'000).expires, 1'050) << "it was taken up again after its lifetime";
}

}  // namespace
}  // namespace coworker::service
