#include <atomic>
#include <latch>

#include "proc/group.h"
#include "service/consumer_fixture.h"

namespace coworker::service {
namespace {

using namespace std::chrono_literals;
using worker::Outcome;

TEST_F(ConsumerTest, StopLetsRunningJobsEndAndTakesNoMore) {
  std::latch release{1};
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++runs;
    release.wait();
    return Outcome::ok();
  };
  config_.stop_grace = 1h;
  start();
  const job::JobId id = add("inline", "1");
  EXPECT_TRUE(run_until([&] { return runs == 1; }));
  consumer_->stop();
  const job::JobId later = add("inline", "2");
  release.count_down();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
  EXPECT_FALSE(show(id));
  EXPECT_EQ(show(later)->state, job::State::ready);
  EXPECT_EQ(runs, 1);
}

TEST_F(ConsumerTest, StopNowGivesJobsBackUncounted) {
  config_.queues[2].worker.command[2] = "trap '' TERM; sleep 1000 & while :; do wait; done";
  start();
  const job::JobId id = add("command", "1");
  EXPECT_TRUE(run_until([&] { return !page_->held().empty() && page_->held()[0].group > 0; }));
  const pid_t group = page_->held()[0].group;
  consumer_->stop_now();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
  EXPECT_FALSE(proc::group_runs(group));
  const auto view = show(id);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->state, job::State::ready);
  EXPECT_EQ(view->attempts, 0);
}

TEST_F(ConsumerTest, AnIdleConsumerStopsAtOnce) {
  start();
  EXPECT_TRUE(run_until([] { return true; }));
  consumer_->stop();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
}

TEST_F(ConsumerTest, AnInlineWorkerThatNeverReturnsIsTold) {
  std::latch release{1};
  config_.queues[0].job_process_timeout = Seconds{0};
  config_.stop_grace = 10ms;
  config_.kill_grace = 10ms;
  std::atomic<bool> runs = false;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    runs = true;
    release.wait();
    return Outcome::ok();
  };
  start();
  add("inline", "1");
  EXPECT_TRUE(run_until([&] { return runs.load(); }));
  consumer_->stop();
  EXPECT_TRUE(run_until([&] { return stuck_ == 1; }));
  EXPECT_TRUE(page_->stopping());
  release.count_down();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
}

TEST_F(ConsumerTest, WhatIsPrefetchedIsHeldAndNotStarted) {
  group_.job_batch = 1;
  group_.prefetch = 2;
  std::latch release{1};
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++runs;
    release.wait();
    return Outcome::ok();
  };
  for (int i = 0; i < 4; ++i) add("inline", "1");
  start();
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 3; }));
  EXPECT_TRUE(run_until([&] { return runs == 1; }));
  EXPECT_EQ(page_->started(), 1u);
  // What was not started is given back uncounted, what runs may end.
  consumer_->drain();
  release.count_down();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(std::get<job::StoreTotals>(ask(job::Totals{})).ready, 3u);
}

TEST_F(ConsumerTest, ItIsReadyOnceItHasFetched) {
  store_->unreachable = true;
  start();
  EXPECT_TRUE(run_until([] { return true; }));
  EXPECT_FALSE(page_->ready());
  store_->unreachable = false;
  EXPECT_TRUE(run_until([&] { return page_->ready(); }));
}

}  // namespace
}  // namespace coworker::service
