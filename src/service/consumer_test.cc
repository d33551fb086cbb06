#include "service/consumer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <latch>
#include <mutex>
#include <semaphore>
#include <thread>

#include "proc/group.h"
#include "service/consumer_fixture.h"

namespace coworker::service {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using worker::Outcome;

TEST_F(ConsumerTest, DoneJobsAreAcknowledged) {
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    ++runs;
    EXPECT_EQ(job.body, R"({"n":1.50})");
    EXPECT_EQ(job.attempt, 1U);
    return Outcome::ok();
  };
  const job::JobId first = add("inline", R"({"n":1.50})");
  start();
  const job::JobId second = add("inline", R"({"n":1.50})");
  const job::JobId third = add("command", "0");
  EXPECT_TRUE(wait_gone(first));
  EXPECT_TRUE(wait_gone(second));
  EXPECT_TRUE(wait_gone(third));
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(run_until([this] { return page_->held().empty(); }));
}

TEST_F(ConsumerTest, AFailingJobIsRetriedAndThenBuriedWithItsReason) {
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    EXPECT_EQ(job.attempt, static_cast<std::uint32_t>(++runs));
    return Outcome::failed("no such picture");
  };
  start();
  const job::JobId id = add("inline", "1");
  EXPECT_TRUE(wait_dead(id));
  EXPECT_EQ(runs, 2);
  const auto view = show(id);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->origin, "inline");
  EXPECT_THAT(view->reason, HasSubstr("no such picture"));
}

TEST_F(ConsumerTest, ACrashingWorkerIsCountedApart) {
  config_.queues[2].worker.command[2] = "kill -SEGV $$";
  config_.queues[2].max_retries = 37;
  config_.queues[2].failure_strategy = FailureStrategy::retry_immediately;
  start();
  const job::JobId id = add("command", "1");
  EXPECT_TRUE(wait_dead(id));
  EXPECT_EQ(show(id)->crashes, 3);
  EXPECT_THAT(show(id)->reason, HasSubstr("its worker died 3 times: SIGSEGV not sent by us"));
}

TEST_F(ConsumerTest, WhatCannotBeDecodedOrRoutedIsBuried) {
  start();
  const job::JobId broken = add("inline", "{broken", false);
  const job::JobId unroutable = add("nobody", "1");
  EXPECT_TRUE(wait_dead(broken));
  EXPECT_TRUE(wait_dead(unroutable));
  EXPECT_THAT(show(broken)->reason, HasSubstr("cannot be decoded: not JSON at byte 1"));
  EXPECT_THAT(show(unroutable)->reason, HasSubstr("there is no worker for queue 'nobody'"));
}

TEST_F(ConsumerTest, ABareBodyIsAJobToo) {
  std::string seen;
  std::mutex mutex;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    const std::lock_guard lock{mutex};
    seen = job.body + job.metadata;
    return Outcome::ok();
  };
  start();
  EXPECT_TRUE(wait_gone(add("inline", "0", false)));
  EXPECT_EQ(seen, "0{}");
}

TEST_F(ConsumerTest, AFreeSlotIsFilledWhileALongJobRuns) {
  // The long job ends only after six short ones, which need its neighbours' three slots twice.
  std::latch shorts{6};
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    if (job.body == "1") {
      shorts.wait();
    } else {
      shorts.count_down();
    }
    return Outcome::ok();
  };
  const job::JobId long_one = add("inline", "1");
  for (int i = 0; i < 6; ++i) add("inline", "2");
  start();
  EXPECT_TRUE(wait_gone(long_one));
}

TEST_F(ConsumerTest, NoMoreThanItsSlotsAreClaimed) {
  std::counting_semaphore<> gate{0};
  std::atomic<int> at_once = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++at_once;
    gate.acquire();
    return Outcome::ok();
  };
  for (int i = 0; i < 9; ++i) add("inline", "1");
  start();
  EXPECT_TRUE(run_until([&] { return at_once == 4; }));
  EXPECT_EQ(std::get<job::QueueView>(ask(job::QueueStat{"inline"})).leased, 4U);
  gate.release(9);
  EXPECT_TRUE(run_until([&] { return std::get<job::QueueView>(ask(job::QueueStat{"inline"})).leased == 0; }));
}

TEST_F(ConsumerTest, WithoutTokensAJobsOwnShortRetryTimeIsRenewedInTime) {
  store_->fencing = false;
  config_.lease = 60s;
  std::latch release{1};
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++runs;
    release.wait();
    return Outcome::ok();
  };
  start();
  job::Add job{.queue = "inline", .body = R"({"body":1,"metadata":{}})", .retry = Seconds{1}};
  const job::JobId id = std::get<job::Added>(ask(std::move(job))).id;
  // Five renewals are more than its retry time; its lease alone would be renewed each 20 s.
  EXPECT_TRUE(run_until([&] { return store_->extends >= 5; }));
  release.count_down();
  EXPECT_TRUE(wait_gone(id));
  EXPECT_EQ(runs, 1);
}

TEST_F(ConsumerTest, LeasesAreRenewedWhileTheWorkerLives) {
  config_.lease = 300ms;
  std::latch release{1};
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++runs;
    release.wait();
    return Outcome::ok();
  };
  start();
  const job::JobId id = add("inline", "1");
  // Nine renewals are three leases.
  EXPECT_TRUE(run_until([&] { return store_->extends >= 9; }));
  EXPECT_EQ(show(id)->state, job::State::leased);
  release.count_down();
  EXPECT_TRUE(wait_gone(id));
  EXPECT_EQ(runs, 1);
}

TEST_F(ConsumerTest, WhoLosesTheLeaseStopsWorking) {
  config_.lease = 300ms;
  config_.queues[2].worker.command[2] = "sleep 1000 & wait";
  start();
  const job::JobId id = add("command", "1");
  EXPECT_TRUE(run_until([&] { return !page_->held().empty() && page_->held()[0].group > 0; }));
  const pid_t group = page_->held()[0].group;
  // Somebody acknowledges it with the plain command.
  ask(job::Ack{{job::JobRef{id, job::Token{0}}}});
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 0; }));
  EXPECT_FALSE(proc::group_runs(group));
  EXPECT_FALSE(show(id));
}

TEST_F(ConsumerTest, WithoutTheStoreNothingRunsLongerThanItsLease) {
  config_.lease = 300ms;
  config_.queues[2].worker.command[2] = "sleep 1000 & wait";
  start();
  add("command", "1");
  EXPECT_TRUE(run_until([&] { return !page_->held().empty() && page_->held()[0].group > 0; }));
  store_->unreachable = true;
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 0; }));
  store_->unreachable = false;
}

TEST_F(ConsumerTest, AnAnswerIsRepeatedUntilTheStoreHasHeard) {
  std::latch release{1};
  std::atomic<bool> runs = false;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    runs = true;
    release.wait();
    return Outcome::ok();
  };
  start();
  const job::JobId id = add("inline", "1");
  EXPECT_TRUE(run_until([&] { return runs.load(); }));
  store_->unreachable = true;
  release.count_down();
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 0; }));
  ASSERT_EQ(page_->held().size(), 1U);
  EXPECT_EQ(page_->held()[0].state, Hold::done);
  store_->unreachable = false;
  EXPECT_TRUE(wait_gone(id));
}

TEST_F(ConsumerTest, ASuspectRunsAlone) {
  group_.job_batch = 8;
  std::latch release{1};
  std::atomic<int> at_once = 0;
  std::atomic<int> runs = 0;
  std::atomic<bool> crowded = false;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    const int others = at_once++;
    if (job.body == "1") {
      crowded = crowded || others > 0;
    } else {
      release.wait();
    }
    --at_once;
    ++runs;
    return Outcome::ok();
  };
  add("inline", "2");
  const job::JobId suspect = add("inline", "1");
  for (int i = 0; i < 3; ++i) add("inline", "2");
  const job::JobId probe = add("command", "0");
  start();
  suspects_->add(static_cast<std::uint64_t>(suspect.key));
  // A command is no inline job: it passes by. Neither the suspect nor those behind it run beside the first.
  EXPECT_TRUE(wait_gone(probe));
  EXPECT_TRUE(run_until([&] { return at_once > 0; }));
  EXPECT_EQ(at_once, 1);
  release.count_down();
  EXPECT_TRUE(run_until([&] { return runs == 5; }));
  EXPECT_FALSE(crowded);
  EXPECT_TRUE(run_until([&] { return !suspects_->contains(static_cast<std::uint64_t>(suspect.key)); }));
}

TEST_F(ConsumerTest, WhatDidNotEndWellIsInTheHistoryWithItsCertificate) {
  config_.queues[2].worker.command = {"/bin/sh", "-c", "echo cannot >&2; exit 3", "sh"};
  config_.queues[2].max_retries = 0;
  start();
  const job::JobId good = add("inline", "1");
  const job::JobId bad = add("command", "1");
  EXPECT_TRUE(wait_gone(good));
  EXPECT_TRUE(wait_dead(bad));
  EXPECT_TRUE(run_until([&] { return log_->is_quiet(); }));
  EXPECT_THAT(history(good), ::testing::IsEmpty());
  EXPECT_THAT(history(bad), ::testing::ElementsAre(
                                ::testing::AllOf(HasSubstr(R"("event":"failed")"), HasSubstr(R"("worker":"command")"),
                                                 HasSubstr(R"("exit":3)"), HasSubstr("cannot")),
                                HasSubstr(R"("event":"buried")")));
}

TEST_F(ConsumerTest, ACancelledJobIsStoppedAndNotCounted) {
  config_.lease = 60s;  // no renewal tells of it
  config_.queues[2].worker.command = {"/bin/sh", "-c", "sleep 1000 & wait", "sh"};
  start();
  const job::JobId id = add("command", "1");
  EXPECT_TRUE(run_until([&] { return !page_->held().empty() && page_->held()[0].group > 0; }));
  const pid_t group = page_->held()[0].group;
  ask(job::Remove{{id}});
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 0; }));
  EXPECT_FALSE(proc::group_runs(group));
  EXPECT_TRUE(run_until([&] { return log_->is_quiet(); }));
  EXPECT_THAT(history(id), ::testing::ElementsAre(::testing::AllOf(HasSubstr(R"("event":"cancelled")"),
                                                                   HasSubstr(R"("ended_for":"cancelled")"))));
  EXPECT_EQ(std::get<job::StoreTotals>(ask(job::Totals{})).jobs, 0u);
}

TEST_F(ConsumerTest, EveryEventIsALineOfTheFileAndNoneHoldsABody) {
  config_.events.file = directory_ + "/../" + directory_.substr(5) + ".events";
  start();
  const job::JobId id = add("inline", "\"secret\"");
  EXPECT_TRUE(wait_gone(id));
  std::ifstream file{config_.events.file};
  const std::string lines{std::istreambuf_iterator<char>{file}, {}};
  std::filesystem::remove(config_.events.file);
  EXPECT_THAT(lines, HasSubstr(R"({"event":"started")"));
  EXPECT_THAT(lines, HasSubstr("\n"
                               R"({"event":"done")"));
  EXPECT_EQ(lines.find("secret"), std::string::npos);
}

TEST_F(ConsumerTest, HooksAreToldOfFailuresAndBurials) {
  std::mutex mutex;
  std::vector<std::string> told;
  const auto tell = [&](const std::string& what) {
    const std::lock_guard lock{mutex};
    told.push_back(what);
  };
  worker::Hooks& hooks = registry_.hooks();
  hooks.on_failure.push_back([](const worker::Failure&) { throw std::runtime_error{"does no harm"}; });
  hooks.on_failure.push_back([&](const worker::Failure& failure) {
    tell(failure.reason + " of " + failure.job.body + " after " + std::to_string(failure.retries));
  });
  hooks.on_bury.push_back([&](const worker::Job& job, const std::string&) { tell("buried " + job.body); });
  work_ = [](const worker::Job&, const std::stop_token&) { return Outcome::failed("bad luck"); };
  start();
  const job::JobId id = add("inline", "7");
  EXPECT_TRUE(wait_dead(id));
  EXPECT_TRUE(run_until([&] {
    const std::lock_guard lock{mutex};
    return told.size() == 3;
  }));
  EXPECT_THAT(told, ::testing::UnorderedElementsAre("bad luck of 7 after 0", "bad luck of 7 after 1", "buried 7"));
}

TEST_F(ConsumerTest, AnOwnStrategyDecidesWithinTheLimits) {
  std::atomic<int> asked = 0;
  registry_.hooks().strategies["mine"] = [&](const worker::Failure& failure) -> worker::Again {
    ++asked;
    EXPECT_EQ(failure.max_retries, 9u);
    if (failure.job.body == "\"throws\"") throw std::runtime_error{"then it is the backoff"};
    if (failure.retries < 2) return Millis{1};
    return std::nullopt;
  };
  config_.queues[0].failure_strategy = FailureStrategy::own;
  config_.queues[0].own_strategy = "mine";
  config_.queues[0].max_retries = 9;
  work_ = [](const worker::Job&, const std::stop_token&) { return Outcome::failed("bad luck"); };
  start();
  const job::JobId never = add("inline", "1");
  EXPECT_TRUE(wait_dead(never));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(show(never)->attempts, 3);
  const job::JobId usual = add("inline", "\"throws\"");
  // The second retry of the backoff is seconds away.
  EXPECT_TRUE(run_until([&] {
    const auto view = show(usual);
    return view && view->state == job::State::scheduled && view->attempts == 2;
  }));
}

TEST_F(ConsumerTest, WhatADeadConsumerLeftIsToldToHooksAndStrategies) {
  config_.queues[0].failure_strategy = FailureStrategy::own;
  config_.queues[0].own_strategy = "mine";
  std::mutex mutex;
  std::vector<std::string> told;
  const auto tell = [&](const std::string& what) {
    const std::lock_guard lock{mutex};
    told.push_back(what);
  };
  worker::Hooks& hooks = registry_.hooks();
  hooks.on_failure.push_back([&](const worker::Failure& failure) {
    tell(failure.reason + " of " + failure.job.body + (failure.crashed ? " crashed" : ""));
  });
  hooks.on_bury.push_back([&](const worker::Job& job, const std::string& why) { tell(why + " " + job.body); });
  hooks.strategies["mine"] = [](const worker::Failure& failure) -> worker::Again {
    if (failure.job.body == "1") return std::nullopt;
    return Millis{0};
  };
  std::vector<job::JobId> ids;
  for (const char* body : {"1", "2", "3"}) ids.push_back(add("inline", body));
  const auto taken = std::get<job::Claimed>(ask(job::Claim{.queues = {"inline"}, .count = 3})).jobs;
  ASSERT_EQ(taken.size(), 3U);
  start();
  for (const job::Delivery& job : taken) {
    Inherited inherited;
    inherited.attempt.job = {job.id, job.token};
    // The lease of the third has ended meanwhile.
    if (job.body.find('3') != std::string::npos) inherited.attempt.job.token = job::Token{1};
    inherited.crashed = true;
    inherited.reason = "SIGKILL";
    inherited.decision = {Decision::Action::retry, Seconds{3'600}, true, "SIGKILL"};
    consumer_->inherit(std::move(inherited));
  }
  EXPECT_TRUE(wait_dead(ids[0])) << "the strategy gives it up";
  EXPECT_TRUE(wait_gone(ids[1])) << "the strategy wants it at once";
  EXPECT_TRUE(run_until([&] {
    const std::lock_guard lock{mutex};
    return told.size() == 3;
  }));
  EXPECT_THAT(told, ::testing::UnorderedElementsAre("SIGKILL of 1 crashed", "SIGKILL of 2 crashed", "SIGKILL 1"));
  EXPECT_EQ(show(ids[2])->state, job::State::leased);
}

/// Each job waits for a line of the named pipe that its body names.
constexpr const char* kWaitingPool = R"sh(
while read -r job <&3; do
  id=${job#*'"id":"'}; id=${id%%'"'*}; bell=${job#*'"body":"'}; bell=${bell%%'"'*}
  read -r line <"$bell"
  printf '{"id":"%s","ok":true}\n' "$id" >&4
done)sh";

TEST_F(ConsumerTest, APoolTakesNoMoreJobsThanItCanStart) {
  config_.queues[3].worker.kind = WorkerKind::pipe;
  config_.queues[3].worker.command = {"/bin/sh", "-c", kWaitingPool};
  config_.queues[3].worker.pool.count = 1;
  const std::string name = directory_ + "/bell";
  ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
  const Fd bell{::open(name.c_str(), O_RDWR | O_CLOEXEC)};
  start();
  std::vector<job::JobId> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(add("nobody", '"' + name + '"'));
  ASSERT_TRUE(run_until([&] { return show(jobs[0])->state == job::State::leased; }));
  // The claim that waits now is for the other queues alone.
  const job::JobId other = add("inline", "1");
  EXPECT_TRUE(wait_gone(other));
  EXPECT_EQ(show(jobs[1])->state, job::State::ready) << "another consumer may run it";
  EXPECT_EQ(show(jobs[2])->state, job::State::ready);
  ASSERT_EQ(::write(bell.get(), "1\n2\n3\n", 6), 6);
  for (const job::JobId& id : jobs) EXPECT_TRUE(wait_gone(id));
}

}  // namespace
}  // namespace coworker::service
