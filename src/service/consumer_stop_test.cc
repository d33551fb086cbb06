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

}  // namespace
}  // namespace coworker::service
