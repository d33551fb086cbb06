#include <gmock/gmock.h>
#include <poll.h>

#include <csignal>
#include <set>

#include "job/id.h"
#include "proc/group.h"
#include "running_program.h"

namespace coworker::chaos {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kFamily = 3;  // the worker and two sleeps that outlive their parents

class CommandChaos : public RunningProgram {
 protected:
  struct Held {
    job::JobId id;
    std::string name;
    pid_t group = 0;
  };

  /// Adds jobs that hold on at their first start, and waits until all run.
  std::vector<Held> hold(std::size_t count) {
    std::vector<Held> jobs;
    for (std::size_t i = 0; i < count; ++i) {
      Held job;
      job.id = add("command", "once");
      job.name = job::to_string(job.id);
      jobs.push_back(job);
    }
    for (std::size_t started = 0; started < count;) {
      const std::optional<Happening> happening = next();
      if (!happening) break;
      for (Held& job : jobs) {
        if (happening->word != "start" || happening->id != job.name || job.group != 0) continue;
        job.group = happening->pid;
        EXPECT_EQ(proc::running_members(job.group).size(), kFamily);
        watch_group(job.group);
        ++started;
      }
    }
    return jobs;
  }

  /// In turn: a worker, its consumer, the keeper, everything.
  void kill_something(int turn, pid_t worker) {
    const pid_t consumer = parent_of(worker);
    switch (turn % 4) {
      case 0:
        ::kill(worker, SIGKILL);
        break;
      case 1:
        if (consumer > 1 && consumer != program_.pid) ::kill(consumer, SIGKILL);
        break;
      case 2:
        if (const pid_t pid = keeper(); pid > 1) ::kill(pid, SIGKILL);
        break;
      default:
        EXPECT_EQ(end(SIGKILL), -SIGKILL);
        start();
    }
  }

  /// Each runs again and ends well; returns the attempts they told.
  std::multiset<int> run_again(const std::vector<Held>& jobs) {
    std::multiset<int> attempts;
    std::set<std::string> open;
    for (const Held& job : jobs) open.insert(job.name);
    while (!open.empty()) {
      const std::optional<Happening> happening = next();
      if (!happening) break;
      if (happening->word == "start") attempts.insert(happening->attempt);
      if (happening->word == "done") open.erase(happening->id);
    }
    EXPECT_TRUE(wait_until([&] { return std::get<job::StoreTotals>(ask(job::Totals{})).jobs == 0; }))
        << "not all were acknowledged";
    EXPECT_EQ(overlaps_, 0);
    return attempts;
  }
};

TEST_F(CommandChaos, AKilledWorkerRunsAgainWhenItsGroupIsDead) {
  start();
  const std::vector<Held> jobs = hold(1);
  ::kill(jobs[0].group, SIGKILL);
  EXPECT_TRUE(all_end()) << "grandchildren live on";
  EXPECT_EQ(run_again(jobs), (std::multiset<int>{2}));
}

TEST_F(CommandChaos, AKilledConsumerTakesItsGroupsWithIt) {
  start();
  const std::vector<Held> jobs = hold(5);
  const pid_t consumer = parent_of(jobs[0].group);
  const auto killed = std::chrono::steady_clock::now();
  ::kill(consumer, SIGKILL);
  EXPECT_TRUE(all_end()) << "processes of a dead consumer live on";
  // An attempt was counted for each, and all run again long before their leases end.
  EXPECT_EQ(run_again(jobs), (std::multiset<int>{2, 2, 2, 2, 2}));
  EXPECT_LT(std::chrono::steady_clock::now() - killed, std::chrono::seconds{14});
}

TEST_F(CommandChaos, NothingRunsAgainBeforeTheKeeperHasConfirmed) {
  lease_ = "1";
  start();
  const std::vector<Held> jobs = hold(1);
  const pid_t consumer = parent_of(jobs[0].group);
  // A keeper that is slow: the leader dies with its consumer, its grandchildren do not.
  const pid_t slow = keeper();
  ::kill(slow, SIGSTOP);
  ::kill(consumer, SIGKILL);
  // The consumer's place is taken again, and works; the job in question is not among its work, though its lease would
  // have ended three times before the probe is due.
  const std::string probe = job::to_string(add("command", "quick", Millis{3'000}));
  while (const std::optional<Happening> happening = next()) {
    EXPECT_EQ(happening->id, probe) << "started while its old group runs";
    if (happening->word == "done" || HasFailure()) break;
  }
  EXPECT_TRUE(proc::group_runs(jobs[0].group));
  ::kill(slow, SIGCONT);
  EXPECT_TRUE(all_end());
  EXPECT_EQ(run_again(jobs), (std::multiset<int>{2}));
}

TEST_F(CommandChaos, AKilledKeeperIsReplacedAndNothingSurvives) {
  stop_grace_ = "200ms";
  start();
  const std::vector<Held> jobs = hold(3);
  const pid_t former = keeper();
  ASSERT_GT(former, 1);
  ::kill(former, SIGKILL);
  EXPECT_TRUE(all_end());
  // What we stopped ourselves is not counted.
  EXPECT_EQ(run_again(jobs), (std::multiset<int>{1, 1, 1}));
  EXPECT_NE(keeper(), 0);
  EXPECT_NE(keeper(), former);
}

TEST_F(CommandChaos, AKilledConsumerWithoutAKeeperLeavesNothing) {
  start();
  const std::vector<Held> jobs = hold(3);
  const pid_t consumer = parent_of(jobs[0].group);
  ::kill(keeper(), SIGKILL);
  ::kill(consumer, SIGKILL);
  EXPECT_TRUE(all_end());
  run_again(jobs);
}

TEST_F(CommandChaos, AKilledSupervisorTakesEverythingWithIt) {
  lease_ = "1";
  start();
  const std::vector<Held> jobs = hold(3);
  watch(parent_of(jobs[0].group));
  watch(keeper());
  EXPECT_EQ(end(SIGKILL), -SIGKILL);
  EXPECT_TRUE(all_end()) << "something of a dead supervisor lives on";
  for (const Held& job : jobs) EXPECT_FALSE(proc::group_runs(job.group));
  // The next one finds all jobs.
  start();
  run_again(jobs);
}

TEST_F(CommandChaos, WhatKeeperAndSupervisorLeaveTogetherIsKilledByTheNext) {
  lease_ = "1";
  start();
  const std::vector<Held> jobs = hold(3);
  // Neither has time to notice that the other one is dead.
  ::kill(program_.pid, SIGSTOP);
  ::kill(keeper(), SIGKILL);
  EXPECT_EQ(end(SIGKILL), -SIGKILL);
  start();
  EXPECT_TRUE(all_end());
  run_again(jobs);
}

TEST_F(CommandChaos, StopLeavesNothingBehindAndCountsNothing) {
  stop_grace_ = "200ms";
  start();
  const std::vector<Held> jobs = hold(3);
  watch(parent_of(jobs[0].group));
  watch(keeper());
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_TRUE(all_end());
  start();
  EXPECT_EQ(run_again(jobs), (std::multiset<int>{1, 1, 1}));
}

TEST_F(CommandChaos, ASecondSignalEndsTheWait) {
  stop_grace_ = "1h";
  start();
  const std::vector<Held> jobs = hold(2);
  ::kill(program_.pid, SIGTERM);
  // One that comes at once would be the same stop.
  EXPECT_TRUE(wait_until([&] {
    ::kill(program_.pid, SIGINT);
    pollfd ended{program_.pidfd.get(), POLLIN, 0};
    return ::poll(&ended, 1, 0) == 1;
  }));
  EXPECT_EQ(end(SIGINT), 0);
  EXPECT_TRUE(all_end());
}

TEST_F(CommandChaos, AWorkerThatKeepsDyingIsBuriedWithItsCertificate) {
  start();
  const job::JobId id = add("command", "abort");
  EXPECT_TRUE(wait_until([&] {
    const auto view = show(id);
    return view && view->queue == "failed-jobs";
  }));
  const auto view = show(id);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->crashes, 3);
  EXPECT_THAT(view->reason, HasSubstr("its worker died 3 times: SIGABRT not sent by us"));
}

TEST_F(CommandChaos, NoJobIsLostAndNoneOverlapsWhateverIsKilled) {
  lease_ = "2";
  max_crashes_ = 0;
  constexpr int kJobs = 40;
  start();
  std::set<std::string> open;
  for (int i = 0; i < kJobs; ++i) open.insert(job::to_string(add("command", i % 2 == 0 ? "quick" : "once")));
  std::map<std::string, pid_t> running;
  int starts = 0;
  while (!open.empty()) {
    const std::optional<Happening> happening = next();
    ASSERT_TRUE(happening);
    if (happening->word == "done") {
      open.erase(happening->id);
      running.erase(happening->id);
    } else {
      running[happening->id] = happening->pid;
      if (++starts % 8 == 0) kill_something(starts / 8, happening->pid);
    }
    // When all that is left holds on, nothing would happen any more.
    if (!running.empty() && running.size() == open.size()) ::kill(running.begin()->second, SIGKILL);
  }
  EXPECT_EQ(overlaps_, 0);
  EXPECT_EQ(static_cast<int>(done_.size()), kJobs);
  EXPECT_TRUE(wait_until([&] { return std::get<job::StoreTotals>(ask(job::Totals{})).jobs == 0; }));
}

}  // namespace
}  // namespace coworker::chaos
