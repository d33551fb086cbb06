#include "worker/inline_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>
#include <stdexcept>

namespace coworker::worker {
namespace {

using namespace std::chrono_literals;

/// Waits until a stop is requested.
void wait_for_stop(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any ready;
  std::unique_lock lock{mutex};
  ready.wait(lock, token, [] { return false; });
}

struct End {
  Outcome outcome;
  int stuck = 0;
  std::vector<Report> reports;
};

End run(const Handler& handler, Millis timeout = 0ms, Millis grace = 1h) {
  async::Loop loop;
  async::Threads threads;
  InlineWorker worker{loop, threads, handler, grace};
  Job job;
  job.body = "7";
  job.process_timeout = timeout;
  End out;
  bool ended = false;
  Watcher watcher;
  watcher.on_end = [&](Outcome outcome) {
    out.outcome = std::move(outcome);
    ended = true;
  };
  watcher.on_report = [&](Report report) {
    EXPECT_FALSE(ended);
    out.reports.push_back(std::move(report));
  };
  watcher.on_stuck = [&] { ++out.stuck; };
  const std::shared_ptr<Execution> execution = worker.start(job, std::move(watcher));
  loop.run();
  EXPECT_TRUE(ended);
  return out;
}

TEST(InlineWorker, ReturnsWhatTheFunctionReturns) {
  EXPECT_EQ(run([](const Job& job, const Contact&) { return Outcome::ok(job.body); }).outcome.result, "7");
  const Outcome failed = run([](const Job&, const Contact&) { return Outcome::failed("no"); }).outcome;
  EXPECT_EQ(failed.kind, Outcome::Kind::failed);
  EXPECT_EQ(failed.reason, "no");
}

TEST(InlineWorker, AnExceptionIsTheReason) {
  const auto outcome = run([](const Job&, const Contact&) -> Outcome { throw std::runtime_error{"boom"}; }).outcome;
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.reason, "boom");
  EXPECT_EQ(run([](const Job&, const Contact&) -> Outcome { throw 7; }).outcome.kind, Outcome::Kind::failed);
}

TEST(InlineWorker, ReportsComeInOrderBeforeTheEnd) {
  const End end = run([](const Job&, const Contact& contact) {
    contact.report({0.5, "half"});
    contact.report({{}, "a line"});
    return Outcome::ok();
  });
  ASSERT_EQ(end.reports.size(), 2U);
  EXPECT_EQ(end.reports[0].progress, 0.5);
  EXPECT_EQ(end.reports[0].text, "half");
  EXPECT_FALSE(end.reports[1].progress);
  EXPECT_EQ(end.reports[1].text, "a line");
}

TEST(InlineWorker, TheTimeoutAsksItToReturn) {
  const End end = run(
      [](const Job&, const Contact& contact) {
        wait_for_stop(contact.stop);
        return Outcome::failed("interrupted");
      },
      10ms);
  EXPECT_EQ(end.outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(end.outcome.reason, "process timeout of 10 ms exceeded: interrupted");
  EXPECT_EQ(end.stuck, 0);
}

TEST(InlineWorker, AResultThatComesLateIsStillAResult) {
  const End end = run(
      [](const Job&, const Contact& contact) {
        wait_for_stop(contact.stop);
        return Outcome::ok();
      },
      10ms);
  EXPECT_EQ(end.outcome.kind, Outcome::Kind::ok);
}

TEST(InlineWorker, OneThatDoesNotReturnIsToldAsStuck) {
  async::Loop loop;
  async::Threads threads;
  std::latch release{1};
  const Handler handler = [&](const Job&, const Contact&) {
    release.wait();
    return Outcome::ok();
  };
  InlineWorker worker{loop, threads, handler, 10ms};
  Job job;
  job.process_timeout = 10ms;
  int stuck = 0;
  Watcher watcher;
  watcher.on_stuck = [&] {
    ++stuck;
    release.count_down();
  };
  watcher.on_end = [](const Outcome&) {};
  worker.start(job, std::move(watcher));
  loop.run();
  EXPECT_EQ(stuck, 1);
}

TEST(InlineWorker, WhatWeStopIsNotTheJobsFault) {
  async::Loop loop;
  async::Threads threads;
  const Handler handler = [](const Job&, const Contact& contact) {
    wait_for_stop(contact.stop);
    return Outcome::failed("interrupted");
  };
  InlineWorker worker{loop, threads, handler, 1h};
  std::optional<Outcome> outcome;
  Watcher watcher;
  watcher.on_end = [&](Outcome end) { outcome = std::move(end); };
  worker.start(Job{}, std::move(watcher))->stop(proc::Killed::stopped, 1h);
  loop.run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind, Outcome::Kind::stopped);
}

TEST(InlineWorker, JobsRunAtTheSameTime) {
  constexpr int kJobs = 6;
  async::Loop loop;
  async::Threads threads;
  std::latch all{kJobs};
  // Ends only when all are running.
  const Handler handler = [&](const Job&, const Contact&) {
    all.arrive_and_wait();
    return Outcome::ok();
  };
  InlineWorker worker{loop, threads, handler, 1h};
  int done = 0;
  for (int i = 0; i < kJobs; ++i) {
    Watcher watcher;
    watcher.on_end = [&](const Outcome&) { ++done; };
    worker.start(Job{}, std::move(watcher));
  }
  loop.run();
  EXPECT_EQ(done, kJobs);
}

}  // namespace
}  // namespace coworker::worker
