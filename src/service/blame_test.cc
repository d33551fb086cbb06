#include "service/blame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::service {
namespace {

using Action = Decision::Action;

constexpr std::uint32_t kInline = PageSlot::kInline;

HeldJob held(Hold state, std::uint32_t flags = 0) {
  HeldJob job;
  job.state = state;
  job.flags = flags;
  job.attempt.retries = 4;  // so that a backoff would show
  return job;
}

/// "retry", "crash", "suspect", … for each of the jobs.
std::vector<std::string> verdicts(const std::vector<HeldJob>& jobs, bool ours = false) {
  Config config;
  config.queues.resize(1);
  Death death;
  death.text = "SIGSEGV";
  death.ours = ours;
  death.roll = 0.0;
  std::vector<std::string> out;
  for (const Verdict& verdict : judge(jobs, config, death)) {
    const Decision& decision = verdict.decision;
    if (decision.action == Action::ack) out.push_back("ack");
    if (decision.action == Action::release) out.push_back("release");
    if (decision.action == Action::bury) out.push_back("bury");
    if (decision.action != Action::retry) continue;
    std::string word = verdict.suspect ? "suspect" : decision.crashed ? "crash" : "again";
    out.push_back(decision.delay > Millis{0} ? word + " later" : word);
  }
  return out;
}

using Words = std::vector<std::string>;

TEST(Blame, UnstartedJobsAreReleasedUncounted) {
  EXPECT_EQ(verdicts({held(Hold::claimed), held(Hold::claimed, kInline)}), (Words{"release", "release"}));
}

TEST(Blame, WhatHadEndedIsToldToTheStore) {
  EXPECT_EQ(verdicts({held(Hold::done, kInline), held(Hold::failed)}), (Words{"ack", "again later"}));
}

TEST(Blame, TheThreadThatFaultedNamesItsJobAndNoOther) {
  EXPECT_EQ(verdicts({held(Hold::started, kInline), held(Hold::started, kInline | PageSlot::kFaulted),
                      held(Hold::started), held(Hold::claimed)}),
            (Words{"again", "crash later", "again", "release"}));
}

TEST(Blame, TheOnlyInlineJobIsToBlame) {
  EXPECT_EQ(verdicts({held(Hold::started, kInline), held(Hold::started), held(Hold::started)}),
            (Words{"crash later", "again", "again"}));
}

TEST(Blame, OneOfSeveralInlineJobsMakesAllSuspects) {
  EXPECT_EQ(verdicts({held(Hold::started, kInline), held(Hold::started, kInline), held(Hold::started)}),
            (Words{"suspect", "suspect", "again"}));
}

TEST(Blame, WhatWeStoppedIsNotCounted) {
  EXPECT_EQ(verdicts({held(Hold::started, kInline), held(Hold::started), held(Hold::claimed)}, true),
            (Words{"release", "release", "release"}));
}

TEST(Blame, AnInlineJobThatNeverReturnsFails) {
  EXPECT_EQ(verdicts({held(Hold::started, kInline | PageSlot::kOverdue), held(Hold::started, kInline)}),
            (Words{"again later", "again"}));
}

TEST(Blame, LostJobsBelongToOthers) {
  EXPECT_EQ(verdicts({held(Hold::started, PageSlot::kLost)}), Words{});
}

TEST(Blame, AJobOfAnUnknownQueueIsLeftAlone) {
  HeldJob job = held(Hold::started);
  job.attempt.queue = 7;
  EXPECT_EQ(verdicts({job}), Words{});
}

TEST(StartPage, IsReadByTheOtherSide) {
  Result<std::unique_ptr<StartPage>> ours = StartPage::create(3);
  ASSERT_TRUE(ours);
  Result<std::unique_ptr<StartPage>> theirs = StartPage::open(Fd{::dup((*ours)->fd())});
  ASSERT_TRUE(theirs);
  EXPECT_TRUE((*ours)->held().empty());

  Attempt attempt;
  attempt.job.id.key = job::Key{77};
  attempt.job.id.node = 0xabcdef01;
  attempt.job.token = job::Token{99};
  attempt.retries = 5;
  attempt.crashes = 2;
  attempt.at_most_once = true;
  attempt.expires = -3;
  const std::size_t slot = (*theirs)->take(attempt);
  const std::size_t other = (*theirs)->take(attempt);
  ASSERT_NE((*theirs)->take(attempt), StartPage::kNone);
  EXPECT_EQ((*theirs)->take(attempt), StartPage::kNone);
  (*theirs)->free(other);
  (*theirs)->slot(slot).group = 4711;
  (*theirs)->slot(slot).state = Hold::started;
  (*theirs)->slot(slot).flags = PageSlot::kFaulted;

  const std::vector<HeldJob> seen = (*ours)->held();
  ASSERT_EQ(seen.size(), 2U);
  const auto started =
      std::find_if(seen.begin(), seen.end(), [](const HeldJob& job) { return job.state == Hold::started; });
  ASSERT_NE(started, seen.end());
  EXPECT_EQ(started->attempt.job.id, attempt.job.id);
  EXPECT_EQ(started->attempt.job.token, attempt.job.token);
  EXPECT_EQ(started->attempt.retries, 5U);
  EXPECT_EQ(started->attempt.crashes, 2U);
  EXPECT_TRUE(started->attempt.at_most_once);
  EXPECT_EQ(started->attempt.expires, -3);
  EXPECT_EQ(started->group, 4711);
  EXPECT_EQ(started->flags, PageSlot::kFaulted);
  EXPECT_FALSE((*ours)->stopping());
  (*theirs)->set_stopping();
  EXPECT_TRUE((*ours)->stopping());
}

}  // namespace
}  // namespace coworker::service
