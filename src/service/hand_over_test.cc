#include "service/hand_over.h"

#include <gtest/gtest.h>

namespace coworker::service {
namespace {

TEST(HandOver, WhatIsGivenIsTakenOnceAndWhole) {
  const auto way = HandOver::create();
  ASSERT_TRUE(way);
  Inherited given;
  given.attempt.job.token = job::Token{0xffff'ffff'ffff'fff0};
  given.attempt.queue = 3;
  given.attempt.retries = 7;
  given.attempt.crashes = 2;
  given.attempt.expires = 1'800'000'000;
  given.crashed = true;
  given.reason = "SIGSEGV \xff \"quoted\"\n";
  given.decision = {Decision::Action::retry, Millis{250}, true, "why"};
  ASSERT_TRUE((*way)->give(given));
  const auto taken = HandOver::take((*way)->taking_end());
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->attempt.job.token, given.attempt.job.token);
  EXPECT_EQ(taken->attempt.queue, 3U);
  EXPECT_EQ(taken->attempt.retries, 7U);
  EXPECT_EQ(taken->attempt.crashes, 2U);
  EXPECT_EQ(taken->attempt.expires, 1'800'000'000);
  EXPECT_TRUE(taken->crashed);
  EXPECT_EQ(taken->reason.substr(0, 7), "SIGSEGV");
  EXPECT_EQ(taken->decision.action, Decision::Action::retry);
  EXPECT_EQ(taken->decision.delay, Millis{250});
  EXPECT_EQ(taken->decision.reason, "why");
  EXPECT_FALSE(HandOver::take((*way)->taking_end()));
}

TEST(HandOver, RefusesWhenTooManyWait) {
  const auto way = HandOver::create();
  ASSERT_TRUE(way);
  int given = 0;
  while (given < 1'000'000 && (*way)->give({})) ++given;
  EXPECT_LT(given, 1'000'000);
  int taken = 0;
  while (HandOver::take((*way)->taking_end())) ++taken;
  EXPECT_EQ(taken, given);
  EXPECT_TRUE((*way)->give({}));
}

}  // namespace
}  // namespace coworker::service
