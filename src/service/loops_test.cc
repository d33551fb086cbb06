#include "service/loops.h"

#include <signal.h>

#include <boost/json/parse.hpp>

#include "service/loops_fixture.h"

namespace coworker::service {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using worker::LoopPhase;

using Value = boost::json::value;

TEST_F(LoopsTest, Case06_AListNamesWhatWasInstalled) {
  apply({noting("w", Millis{1'000}), command("c", "exit 0")});
  const std::vector<LoopView> views = loops_->list();
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].name, "w");
  EXPECT_EQ(views[0].looptime, Millis{1'000});
  EXPECT_TRUE(views[0].forever);
  EXPECT_EQ(views[1].name, "c");
}

TEST_F(LoopsTest, Case07_TheStateOfARunningWorkerIsOneAndItsDetailsAreKnown) {
  apply({noting("w")});
  ASSERT_TRUE(rounds(3));
  ASSERT_TRUE(until([&] { return view("w").rounds >= 2; }));
  EXPECT_EQ(static_cast<int>(view("w").phase), 1);
  EXPECT_EQ(view("w").pid, notes("spinup").front().pid);
  EXPECT_EQ(view("w").restarts, 0u);
  EXPECT_FALSE(view("w").last_exit);
  EXPECT_TRUE(view("w").last_round);
  const Result<> unknown = wait(loops_->pause("x"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Errc::not_found);
  EXPECT_THAT(unknown.error().message(), HasSubstr("'x'"));
}

TEST_F(LoopsTest, Case08_APausedWorkerDoesNotLoopAndGoesOnWhenResumed) {
  apply({noting("w", Millis{1})});
  ASSERT_TRUE(rounds(2));
  ASSERT_TRUE(wait(loops_->pause("w")));
  EXPECT_EQ(static_cast<int>(view("w").phase), 2);
  const std::size_t before = notes("round").size();
  // A command goes through its process after the pause: had there been another round, it would have been before that.
  EXPECT_EQ(wait(loops_->send("w", "echo", 1)).value(), Value(1));
  EXPECT_EQ(notes("round").size(), before);
  ASSERT_TRUE(wait(loops_->resume("w")));
  EXPECT_EQ(static_cast<int>(view("w").phase), 1);
  EXPECT_TRUE(rounds(before + 2));
  EXPECT_EQ(notes("spinup").size(), 1u);
  EXPECT_TRUE(notes("spindown").empty());
}

TEST_F(LoopsTest, Case08_ASleepingWorkerObeysAtOnceWhateverItsLooptime) {
  apply({noting("w", std::chrono::hours{24})});
  ASSERT_TRUE(rounds(1));
  ASSERT_TRUE(wait(loops_->pause("w")));
  EXPECT_EQ(view("w").phase, LoopPhase::paused);
  ASSERT_TRUE(wait(loops_->resume("w")));
  EXPECT_EQ(view("w").phase, LoopPhase::looping);
  EXPECT_EQ(notes("round").size(), 1u);
}

TEST_F(LoopsTest, Case11_AForeverWorkerThatIsKilledComesAgainAndNobodyElseNotices) {
  apply({noting("w"), noting("other")});
  ASSERT_TRUE(rounds(2, "w") && rounds(2, "other"));
  const LoopView other = view("other");
  const int first = view("w").pid;
  ::kill(first, SIGKILL);
  ASSERT_TRUE(until([&] { return notes("spinup", "w").size() == 2; }));
  ASSERT_TRUE(phase("w", LoopPhase::looping));
  EXPECT_NE(view("w").pid, first);
  EXPECT_EQ(view("w").restarts, 1u);
  ASSERT_TRUE(view("w").last_exit);
  EXPECT_THAT(view("w").last_exit->describe(), HasSubstr("SIGKILL not sent by us"));
  EXPECT_EQ(view("other").pid, other.pid);
  EXPECT_TRUE(notes("spindown").empty());
  EXPECT_GE(view("w").rounds, 1u) << "the rounds of the dead process count on";
}

TEST_F(LoopsTest, Case11_RepeatedDeathsEndInFatalAndAStartBeginsAnew) {
  wish("exit");
  LoopConfig config = noting("w");
  config.restarts = 2;
  apply({config, noting("after-all")});
  ASSERT_TRUE(phase("w", LoopPhase::fatal));
  EXPECT_EQ(notes("spinup", "w").size(), 3u) << "one start, and two more";
  EXPECT_EQ(view("w").pid, 0);
  const Result<Value> sent = wait(loops_->send("w", "echo", 1));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), Errc::unavailable);
  wish("");
  EXPECT_TRUE(wait(loops_->start("w")));
  EXPECT_EQ(view("w").phase, LoopPhase::looping);
  EXPECT_TRUE(end_.empty());
}

TEST_F(LoopsTest, Case11_TenExceptionsAreTenFailedRoundsOfOneProcess) {
  wish("throw");
  apply({noting("w", Millis{1})});
  ASSERT_TRUE(until([&] { return view("w").failed_rounds >= 10; }));
  EXPECT_EQ(view("w").last_failure, "thrown");
  wish("");
  const std::uint64_t failed = view("w").failed_rounds;
  ASSERT_TRUE(until([&] { return view("w").rounds > failed + 5; }));
  EXPECT_EQ(notes("spinup").size(), 1u);
  EXPECT_EQ(view("w").restarts, 0u);
}

TEST_F(LoopsTest, Case12_TheEndOfOneThatIsNotForeverIsTold) {
  LoopConfig config = noting("w");
  config.forever = false;
  apply({config, noting("other")});
  ASSERT_TRUE(rounds(1, "w"));
  ::kill(view("w").pid, SIGKILL);
  ASSERT_TRUE(until([&] { return !end_.empty(); }));
  EXPECT_THAT(end_, AllOf(HasSubstr("'w'"), HasSubstr("SIGKILL")));
  EXPECT_EQ(view("w").phase, LoopPhase::exited);
  EXPECT_EQ(notes("spinup", "w").size(), 1u);
}

TEST_F(LoopsTest, Case13_AStopSpinsAllDownThoughTheySleepForLong) {
  apply({noting("a", std::chrono::hours{1}), noting("b", std::chrono::hours{1}), noting("c", Millis{1})});
  ASSERT_TRUE(rounds(1, "a") && rounds(1, "b") && rounds(1, "c"));
  EXPECT_TRUE(stop());
  EXPECT_EQ(notes("spindown").size(), 3u);
  for (const LoopView& view : loops_->list()) {
    ASSERT_TRUE(view.last_exit);
    EXPECT_TRUE(view.last_exit->exit.clean()) << view.last_exit->describe();
  }
}

TEST_F(LoopsTest, Case13_ALongRoundHearsOfTheStopAndIsSpunDown) {
  wish("busy");
  apply({noting("w")});
  ASSERT_TRUE(rounds(1));
  EXPECT_TRUE(stop());
  EXPECT_EQ(notes("spindown").size(), 1u);
}

TEST_F(LoopsTest, Case13_WhoDoesNotEndInTimeIsKilled) {
  wish("hang");
  apply({noting("w")});
  ASSERT_TRUE(rounds(1));
  loops_->stop(Millis{100});
  EXPECT_TRUE(until([&] { return over_; }));
  EXPECT_TRUE(notes("spindown").empty());
  EXPECT_THAT(view("w").last_exit->describe(), HasSubstr("stopped by us, SIGKILL"));
}

TEST_F(LoopsTest, Case16_TenWordsWithinOneRoundAreHandledInOrderAndAnswered) {
  wish("hang");
  apply({noting("w")});
  ASSERT_TRUE(rounds(1));
  std::vector<int> answered;
  for (int i = 0; i < 10; ++i) {
    async::asio::co_spawn(loop_, loops_->send("w", "note", i),
                          [&answered, i](const std::exception_ptr&, const Result<Value>& reply) {
                            if (reply) answered.push_back(i);
                          });
  }
  const std::int64_t released = now();
  wish("");
  ASSERT_TRUE(until([&] { return answered.size() == 10; }));
  EXPECT_THAT(answered, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(notes(std::to_string(i)).size(), 1u);
  EXPECT_EQ(notes("0").front().pid, view("w").pid);
  EXPECT_GE(notes("0").front().at, released) << "not within the round";
}

TEST_F(LoopsTest, Case16_ArgumentsAndReplyAreAnyJson) {
  apply({noting("w")});
  const Value large(std::string(1 << 20, 'x'));
  const Value object = boost::json::parse(R"({"a":[1,2,null]})");
  for (const Value& value : std::vector<Value>{object, Value("Zoë"), Value(nullptr), large}) {
    EXPECT_EQ(wait(loops_->send("w", "echo", value)).value(), value);
  }
  const Result<Value> failed = wait(loops_->send("w", "fail", {}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::internal);
  EXPECT_EQ(failed.error().message(), "no way");
  const Result<Value> unknown = wait(loops_->send("w", "dance", {}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Errc::not_found);
}

TEST_F(LoopsTest, Case16_WhoeverWaitsForADeadWorkerIsTold) {
  apply({noting("w")});
  ASSERT_TRUE(rounds(1));
  const Result<Value> sent = wait(loops_->send("w", "die", {}));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), Errc::unavailable);
  EXPECT_EQ(wait(loops_->send("w", "echo", 5)).value(), Value(5)) << "the next one is for the next process";
}

TEST_F(LoopsTest, Case23_ResumeAndPauseInQuickSuccessionLeaveItPaused) {
  apply({noting("w", Millis{1})});
  ASSERT_TRUE(rounds(1));
  for (int i = 0; i < 20; ++i) {
    bool resumed = false;
    async::asio::co_spawn(loop_, loops_->resume("w"),
                          [&resumed](const std::exception_ptr&, const Result<>&) { resumed = true; });
    ASSERT_TRUE(wait(loops_->pause("w")));
    EXPECT_TRUE(resumed);
    EXPECT_EQ(view("w").phase, LoopPhase::paused);
  }
}

}  // namespace
}  // namespace coworker::service
