#include "worker/hooked_worker.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <stdexcept>
#include <string>

#include "worker/inline_worker.h"

namespace coworker::worker {
namespace {

class HookedWorkerTest : public ::testing::Test {
 protected:
  Outcome run(const Job& job) {
    std::optional<Outcome> got;
    HookedWorker worker{loop_, threads_, hooks_,
                        std::make_unique<InlineWorker>(loop_, threads_, handler_, Millis{1'000})};
    Watcher watcher;
    watcher.on_start = [this](pid_t) { said_ += "started "; };
    watcher.on_end = [&](Outcome outcome) { got = std::move(outcome); };
    const auto execution = worker.start(job, std::move(watcher));
    if (stop_at_once_) execution->stop(proc::Killed::stopped, Millis{0});
    loop_.restart();
    loop_.run();
    return *got;
  }

  async::Loop loop_;
  Hooks hooks_;
  Handler handler_ = [this](const Job&, const Contact&) {
    said_ += "work ";
    return Outcome::ok("fine");
  };
  bool stop_at_once_ = false;
  std::string said_;        // by one thread after the other
  async::Threads threads_;  // last: ends first, and waits for the hooks
};

TEST_F(HookedWorkerTest, BeforeComesFirstAndAfterKnowsTheOutcome) {
  std::promise<std::string> after;
  hooks_.before_process.push_back([this](const Job& job) { said_ += "before " + job.id + " "; });
  hooks_.after_process.push_back(
      [&](const Job& job, const Outcome& outcome) { after.set_value(job.id + " " + outcome.result); });
  Job job;
  job.id = "x";
  EXPECT_EQ(run(job).kind, Outcome::Kind::ok);
  EXPECT_EQ(said_, "started before x started work ");
  EXPECT_EQ(after.get_future().get(), "x fine");
}

TEST_F(HookedWorkerTest, WhatAHookThrowsDoesNoHarm) {
  hooks_.before_process.push_back([](const Job&) { throw std::runtime_error{"bad"}; });
  hooks_.before_process.push_back([](const Job&) { throw 7; });
  hooks_.after_process.push_back([](const Job&, const Outcome&) { throw std::runtime_error{"worse"}; });
  EXPECT_EQ(run(Job{}).result, "fine");
}

TEST_F(HookedWorkerTest, WhoIsStoppedInTheHookDoesNotBegin) {
  stop_at_once_ = true;
  hooks_.before_process.push_back([](const Job&) {});
  EXPECT_EQ(run(Job{}).kind, Outcome::Kind::stopped);
  EXPECT_EQ(said_, "started ");
}

}  // namespace
}  // namespace coworker::worker
