#include "app/daemon_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <stdexcept>

namespace coworker::app {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DaemonEventsTest : public ::testing::Test {
 protected:
  Daemon::Listener note(const std::string& as) {
    return [this, as](const DaemonEvent& event) { heard_.push_back(as + event.name); };
  }
  void listen(const std::string& name, int priority = 0, bool once = false, const std::string& as = "") {
    const Result<> listening = events_.listen(name, note(as), priority, once);
    EXPECT_TRUE(listening) << listening.error().message();
  }

  std::vector<std::string> heard_;  // read after the stop
  DaemonEvents events_;
};

TEST_F(DaemonEventsTest, ASignalIsTwoEvents) {
  listen("daemon.posix.SIGHUP");
  listen("daemon.posix.1");
  events_.start();
  events_.emit_signal(SIGHUP);
  ASSERT_TRUE(events_.stop(Millis::max()));
  EXPECT_THAT(heard_, ElementsAre("daemon.posix.1", "daemon.posix.SIGHUP"));
}

TEST_F(DaemonEventsTest, ListenersOfHigherPriorityComeFirstAndThoseOfOneInTheirOrder) {
  listen("daemon.posix.SIGHUP", 0, false, "second ");
  listen("daemon.posix.SIGHUP", 5, false, "first ");
  listen("daemon.posix.SIGHUP", 0, false, "third ");
  events_.start();
  events_.emit("daemon.posix.SIGHUP", SIGHUP);
  ASSERT_TRUE(events_.stop(Millis::max()));
  EXPECT_THAT(heard_,
              ElementsAre("first daemon.posix.SIGHUP", "second daemon.posix.SIGHUP", "third daemon.posix.SIGHUP"));
}

TEST_F(DaemonEventsTest, OnceIsOnce) {
  listen("daemon.socket.client.connect", 0, true);
  events_.start();
  for (int i = 0; i < 3; ++i) events_.emit("daemon.socket.client.connect");
  ASSERT_TRUE(events_.stop(Millis::max()));
  EXPECT_EQ(heard_.size(), 1U);
}

TEST_F(DaemonEventsTest, WhatAListenerThrowsHarmsNobody) {
  ASSERT_TRUE(
      events_.listen("daemon.posix.SIGHUP", [](const DaemonEvent&) { throw std::runtime_error{"no"}; }, 1, false));
  ASSERT_TRUE(events_.listen("daemon.posix.SIGHUP", [](const DaemonEvent&) { throw 1; }, 1, false));
  listen("daemon.posix.SIGHUP");
  events_.start();
  events_.emit_signal(SIGHUP);
  ASSERT_TRUE(events_.stop(Millis::max()));
  EXPECT_EQ(heard_.size(), 1U);
}

TEST_F(DaemonEventsTest, AListenerThatHangsIsNotWaitedForLongerThanAsked) {
  std::promise<void> go_on;
  std::promise<void> began;
  ASSERT_TRUE(events_.listen(
      "daemon.posix.SIGHUP",
      [&](const DaemonEvent&) {
        began.set_value();
        go_on.get_future().wait();
      },
      0, false));
  events_.start();
  events_.emit("daemon.posix.SIGHUP", SIGHUP);
  began.get_future().wait();
  EXPECT_FALSE(events_.stop(Millis{1}));
  go_on.set_value();
}

TEST_F(DaemonEventsTest, WorkerEventsAreToldAtOnceWithTheObject) {
  struct Nothing : LoopWorker {
    void loop() override {}
  } worker;
  const LoopWorker* told = nullptr;
  ASSERT_TRUE(events_.listen("daemon.worker.rename", [&](const DaemonEvent& event) { told = event.worker; }, 0, false));
  EXPECT_TRUE(events_.tell_worker_event("rename", worker));
  EXPECT_EQ(told, &worker);
  EXPECT_FALSE(events_.tell_worker_event("other", worker));
}

TEST_F(DaemonEventsTest, SignalsThatWouldEndTheDaemonAreCaughtTheOthersForWhoListens) {
  EXPECT_THAT(events_.signals(), Contains(SIGUSR2));
  EXPECT_THAT(events_.signals(), Not(Contains(SIGCHLD)));
  for (const int number : {SIGQUIT, SIGABRT, SIGSEGV, SIGTSTP, SIGKILL}) {
    EXPECT_THAT(events_.signals(), Not(Contains(number)));
  }
  listen("daemon.posix.SIGCHLD");
  EXPECT_THAT(events_.signals(), Contains(SIGCHLD));
}

TEST_F(DaemonEventsTest, SignalsKeepTheirMeaning) {
  for (const char* name : {"SIGQUIT", "SIGABRT", "SIGSEGV", "SIGTSTP", "SIGKILL", "SIGSTOP", "3", "6", "11", "20"}) {
    const Result<> refused = events_.listen(std::string{"daemon.posix."} + name, note(""), 0, false);
    ASSERT_FALSE(refused) << name;
    EXPECT_THAT(refused.error().message(), HasSubstr("keeps the meaning"));
  }
}

TEST_F(DaemonEventsTest, UnknownEventsAreRefused) {
  for (const char* name : {"", "daemon", "daemon.posix.", "daemon.posix.HUP", "daemon.posix.SIGNONE", "daemon.posix.0",
                           "daemon.posix.999", "daemon.socket.loop", "daemon.worker."}) {
    const Result<> refused = events_.listen(name, note(""), 0, false);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  }
  EXPECT_FALSE(events_.listen("daemon.posix.SIGHUP", {}, 0, false));
}

TEST_F(DaemonEventsTest, BothNamesOfSIGIOAreKnown) {
  listen("daemon.posix.SIGIO");
  listen("daemon.posix.SIGPOLL");
  events_.start();
  events_.emit_signal(SIGIO);
  ASSERT_TRUE(events_.stop(Millis::max()));
  EXPECT_EQ(heard_.size(), 2U);
}

}  // namespace
}  // namespace coworker::app
