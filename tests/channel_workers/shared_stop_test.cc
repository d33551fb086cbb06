#include <gmock/gmock.h>

#include "fixture.h"

namespace channel_workers {
namespace {

using coworker::Answer;
using coworker::SharedWorker;
using coworker::Trouble;
using namespace std::chrono_literals;

TEST(SharedStop, Case14_ListeningEndsAndTheSocketIsGoneBeforeOnStop) {
  Shared shared;
  Answer<SharedWorker> holder = shared.connect();
  Answer<SharedWorker> stopper = shared.connect();
  ASSERT_TRUE(holder && stopper) << holder.message();
  const long pid = *holder->pid();
  EXPECT_EQ(*holder->call("1", kPatience), "1");
  const Answer<bool> stopped = stopper->stop(kPatience);
  ASSERT_TRUE(stopped) << stopped.message();
  EXPECT_TRUE(*stopped);
  EXPECT_EQ(shared.calls(), "stop, socket gone\n");
  EXPECT_FALSE(std::filesystem::exists(shared.path()));
  EXPECT_EQ(shared.connect("").trouble(), Trouble::unreachable);
  // The other master is still served, and its leaving ends the worker.
  EXPECT_EQ(*holder->call("2", kPatience), "2");
  {
    const SharedWorker leaving = std::move(*holder);
  }
  EXPECT_TRUE(stopper->wait_for_end(kPatience));
  EXPECT_TRUE(has_ended(pid));
  EXPECT_EQ(shared.calls(), "stop, socket gone\nterminate\n~\n");
}

TEST(SharedStop, Case14_WhoStaysIsLeftAtTheDrainDeadline) {
  Shared shared;
  shared.profile.drain = 50ms;
  Answer<SharedWorker> holder = shared.connect();
  Answer<SharedWorker> stopper = shared.connect();
  ASSERT_TRUE(holder && stopper) << holder.message();
  const long pid = *holder->pid();
  EXPECT_TRUE(*stopper->stop(kPatience));
  EXPECT_EQ(holder->receive(kPatience).trouble(), Trouble::closed);
  EXPECT_TRUE(has_ended(pid));
}

TEST(SharedStop, Case14_AMasterOfTheOriginalStopsIt) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  const long pid = *worker->pid();
  {
    const SharedWorker leaving = std::move(*worker);
  }
  Bytes original{shared.path()};
  original.say("{\"_stop_\":\"C\"}\n");
  EXPECT_EQ(original.hear(), "");
  EXPECT_TRUE(has_ended(pid));
}

TEST(SharedStop, Case14_SigtermIsAStop) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  const long pid = *worker->pid();
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGTERM), 0);
  {
    const SharedWorker leaving = std::move(*worker);
  }
  EXPECT_TRUE(has_ended(pid));
  EXPECT_EQ(shared.calls(), "stop, socket gone\nterminate\n~\n");
}

TEST(SharedStop, FromInsideItCallsNoOnStop) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  const long pid = *worker->pid();
  EXPECT_EQ(*worker->call("\"stop listening\"", kPatience), "true");
  EXPECT_FALSE(std::filesystem::exists(shared.path()));
  {
    const SharedWorker leaving = std::move(*worker);
  }
  EXPECT_TRUE(has_ended(pid));
  EXPECT_EQ(shared.calls(), "terminate\n~\n");
}

TEST(SharedStop, Case15_AWrongCookieIsToldAndTheConnectionStays) {
  Shared shared;
  ASSERT_TRUE(shared.connect());
  shared.profile.admin_cookie = "wrong";
  Answer<SharedWorker> wrong = shared.connect();
  ASSERT_TRUE(wrong) << wrong.message();
  const Answer<bool> refused = wrong->stop(kPatience);
  EXPECT_EQ(refused.trouble(), Trouble::denied);
  EXPECT_THAT(refused.message(), testing::HasSubstr("not authorised"));
  EXPECT_EQ(*wrong->call("1", kPatience), "1");
  shared.profile.admin_cookie = "";
  Answer<SharedWorker> none = shared.connect();
  EXPECT_EQ(none->stop(kPatience).trouble(), Trouble::denied);
  // A master of the original hears nothing, and its connection stays, too.
  Bytes original{shared.path()};
  original.say("{\"_stop_\":\"wrong\"}{\"_stop_\":\"D\"}{\"_stop_\":\"\"}{\"_stop_\":7}5\n");
  EXPECT_EQ(original.hear(), "5");
  EXPECT_TRUE(std::filesystem::exists(shared.path()));
}

TEST(SharedStop, NobodyMayStopOneThatHasNoCookie) {
  Shared shared;
  shared.profile.admin_cookie = "";
  ASSERT_TRUE(shared.connect());
  Bytes original{shared.path()};
  original.say("{\"_stop_\":\"\"}{\"_stop_\":\"C\"}{\"_stop_\":null}5\n");
  EXPECT_EQ(original.hear(), "5");
  shared.profile.admin_cookie = "C";
  Answer<SharedWorker> master = shared.connect();
  ASSERT_TRUE(master) << master.message();
  EXPECT_EQ(master->stop(kPatience).trouble(), Trouble::denied);
}

TEST(SharedStop, WhatStandsInThePlaceOfItsSocketIsLeft) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  const long pid = *worker->pid();
  std::filesystem::remove(shared.path());
  std::ofstream{shared.path()} << "somebody else's";
  EXPECT_TRUE(*worker->stop(kPatience));
  EXPECT_TRUE(has_ended(pid));
  EXPECT_EQ(content_of(shared.path()), "somebody else's");
}

}  // namespace
}  // namespace channel_workers
