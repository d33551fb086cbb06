#include <signal.h>

#include <boost/json/parse.hpp>

#include "proc/group.h"
#include "service/loops.h"
#include "service/loops_fixture.h"

namespace coworker::service {
namespace {

using ::testing::HasSubstr;
using worker::LoopPhase;

TEST_F(LoopsTest, AHangIsKilledAndStartedAgain) {
  wish("hang");
  LoopConfig config = noting("w");
  config.hang = Millis{100};
  apply({config});
  ASSERT_TRUE(until([&] { return notes("spinup").size() == 2; }));
  wish("");
  EXPECT_THAT(view("w").last_exit->describe(), HasSubstr("100 ms exceeded"));
  EXPECT_THAT(view("w").last_failure, HasSubstr("no sign of life"));
}

TEST_F(LoopsTest, AFailedSpinupIsADeath) {
  wish("refuse");
  LoopConfig config = noting("w");
  config.restarts = 1;
  apply({config});
  ASSERT_TRUE(phase("w", LoopPhase::fatal));
  EXPECT_EQ(view("w").last_failure, "spinup: no spinup today");
  EXPECT_THAT(view("w").last_exit->describe(), HasSubstr("exit code 1"));
  EXPECT_TRUE(notes("round").empty());
}

TEST_F(LoopsTest, DependentsStartAfterAndStopBeforeWhatTheyDependOn) {
  LoopConfig last = noting("last");
  last.after = {"middle"};
  LoopConfig middle = noting("middle");
  middle.after = {"first"};
  apply({last, middle, noting("first")});
  ASSERT_TRUE(rounds(1, "last"));
  const auto at = [this](const char* text, const char* name) { return notes(text, name).front().at; };
  EXPECT_LT(at("spinup", "first"), at("spinup", "middle"));
  EXPECT_LT(at("spinup", "middle"), at("spinup", "last"));
  EXPECT_TRUE(stop());
  EXPECT_LT(at("spindown", "last"), at("spindown", "middle"));
  EXPECT_LT(at("spindown", "middle"), at("spindown", "first"));
}

TEST_F(LoopsTest, ADependentWaitsForWhatHasNotSpunUp) {
  LoopConfig config = noting("w");
  config.after = {"never"};
  LoopConfig never = noting("never");
  never.restarts = 1;
  never.worker = "unknown";
  apply({config, never});
  ASSERT_TRUE(phase("never", LoopPhase::fatal));
  EXPECT_EQ(view("w").phase, LoopPhase::backoff);
  EXPECT_TRUE(notes().empty());
}

TEST_F(LoopsTest, StartStopAndRestartOfOne) {
  apply({noting("w"), noting("other")});
  ASSERT_TRUE(rounds(1, "w") && rounds(1, "other"));
  EXPECT_TRUE(wait(loops_->stop("w")));
  EXPECT_EQ(view("w").phase, LoopPhase::exited);
  EXPECT_EQ(view("w").pid, 0);
  EXPECT_EQ(notes("spindown", "w").size(), 1u);
  EXPECT_TRUE(wait(loops_->stop("w"))) << "what is so already is fine";
  EXPECT_TRUE(wait(loops_->start("w")));
  EXPECT_EQ(view("w").phase, LoopPhase::looping);
  const int before = view("w").pid;
  EXPECT_TRUE(wait(loops_->restart("w")));
  EXPECT_NE(view("w").pid, before);
  EXPECT_EQ(notes("spinup", "w").size(), 3u);
  EXPECT_EQ(notes("spindown", "w").size(), 2u);
  EXPECT_EQ(view("w").restarts, 0u) << "none of these is the watchdog's";
  EXPECT_EQ(notes("spinup", "other").size(), 1u);
}

TEST_F(LoopsTest, APauseOutlivesTheProcess) {
  apply({noting("w")});
  ASSERT_TRUE(rounds(1));
  ASSERT_TRUE(wait(loops_->pause("w")));
  const std::size_t before = notes("round").size();
  ::kill(view("w").pid, SIGKILL);
  ASSERT_TRUE(until([&] { return notes("spinup").size() == 2; }));
  ASSERT_TRUE(phase("w", LoopPhase::paused));
  EXPECT_EQ(notes("round").size(), before);
}

TEST_F(LoopsTest, WhileHeldNothingLoopsWhateverIsSaid) {
  apply({noting("w", Millis{1})});
  ASSERT_TRUE(rounds(1));
  loops_->hold(true);
  ASSERT_TRUE(phase("w", LoopPhase::paused));
  ASSERT_TRUE(wait(loops_->resume("w")));
  EXPECT_EQ(view("w").phase, LoopPhase::paused);
  loops_->hold(false);
  EXPECT_TRUE(phase("w", LoopPhase::looping));
}

TEST_F(LoopsTest, WhatHasChangedIsReplacedAndTheRestGoesOn) {
  apply({noting("same"), noting("changed"), noting("gone")});
  ASSERT_TRUE(rounds(1, "same") && rounds(1, "changed") && rounds(1, "gone"));
  const int same = view("same").pid;
  apply({noting("same"), noting("changed", Millis{30}), noting("fresh")});
  ASSERT_TRUE(rounds(1, "fresh"));
  ASSERT_TRUE(until([&] { return notes("spinup", "changed").size() == 2 && notes("spindown", "gone").size() == 1; }));
  EXPECT_EQ(view("same").pid, same);
  EXPECT_LT(notes("spindown", "changed").front().at, notes("spinup", "changed").back().at) << "never two at a time";
  EXPECT_FALSE(loops_->find("gone"));
}

TEST_F(LoopsTest, WhenTheKeeperDiesTheyAreReplaced) {
  apply({noting("w")});
  ASSERT_TRUE(rounds(1));
  ::kill(keeper_->pid(), SIGKILL);
  ASSERT_TRUE(until([&] { return notes("spinup").size() == 2; }));
  EXPECT_EQ(notes("spindown").size(), 1u);
  EXPECT_EQ(view("w").restarts, 0u);
}

TEST_F(LoopsTest, ASignalIsAnEndInGoodOrderThatNobodyWanted) {
  apply({noting("w")});
  ASSERT_TRUE(rounds(1));
  ::kill(view("w").pid, SIGTERM);
  ASSERT_TRUE(until([&] { return notes("spinup").size() == 2; }));
  EXPECT_EQ(notes("spindown").size(), 1u);
  EXPECT_EQ(view("w").restarts, 1u);
}

// ---- programs ---------------------------------------------------------------------------------------------

TEST_F(LoopsTest, ACommandIsARoundAndItsExitCodeSaysHowItWent) {
  apply({command("good", "echo $COWORKER_LOOP $COWORKER_ROUND >>" + folder_ + "/out"),
         command("bad", "echo reason >&2; exit 4")});
  ASSERT_TRUE(until([&] { return view("good").rounds >= 3 && view("bad").failed_rounds >= 3; }));
  EXPECT_EQ(view("good").failed_rounds, 0u);
  EXPECT_THAT(view("bad").last_failure, testing::AllOf(HasSubstr("exit code 4"), HasSubstr("reason")));
  EXPECT_EQ(view("bad").restarts, 0u);
  std::ifstream out{folder_ + "/out"};
  std::string line;
  std::getline(out, line);
  EXPECT_EQ(line, "good 1");
}

TEST_F(LoopsTest, AProgramThatIsNotThereIsAFailedRound) {
  LoopConfig config = command("w", "");
  config.command = {"/no/such/program"};
  apply({config});
  ASSERT_TRUE(until([&] { return view("w").failed_rounds >= 2; }));
  EXPECT_THAT(view("w").last_failure, HasSubstr("No such file"));
}

TEST_F(LoopsTest, ACommandThatHangsDiesWithItsWorker) {
  LoopConfig config = command("w", "echo $$ >>" + folder_ + "/pids; exec sleep 1000");
  config.hang = Millis{100};
  config.restarts = 0;
  apply({config});
  const auto pids = [this] {
    std::ifstream file{folder_ + "/pids"};
    std::vector<int> found;
    for (int pid = 0; file >> pid;) found.push_back(pid);
    return found;
  };
  ASSERT_TRUE(until([&] { return pids().size() >= 2; }));
  EXPECT_FALSE(proc::group_runs(pids().front())) << "dead before the next one started";
}

TEST_F(LoopsTest, ARunningCommandMayFinishWhenItIsStopped) {
  apply({command("w", "echo begun >>" + folder_ + "/out; while [ ! -e " + folder_ +
                          "/go ]; do sleep 0.01; done; echo done >>" + folder_ + "/out")});
  const auto said = [this](const std::string& text) {
    std::ifstream file{folder_ + "/out"};
    return std::string{std::istreambuf_iterator<char>{file}, {}}.find(text) != std::string::npos;
  };
  ASSERT_TRUE(until([&] { return said("begun"); }));
  loops_->stop(Millis{30'000});
  std::ofstream{folder_ + "/go"} << "1";
  EXPECT_TRUE(until([&] { return over_; }));
  EXPECT_TRUE(said("done"));
}

TEST_F(LoopsTest, APipeProgramIsToldEachRoundAndEachCommand) {
  std::ofstream{folder_ + "/worker.py"} << "import json, os\n"
                                           "jobs, answers = os.fdopen(3), os.fdopen(4, 'w', buffering=1)\n"
                                           "for line in jobs:\n"
                                           "  job = json.loads(line)\n"
                                           "  body = job['body']\n"
                                           "  result = body['arguments'] if 'command' in body else None\n"
                                           "  good = body.get('round', 0) % 2 == 0\n"
                                           "  answers.write(json.dumps({'id': job['id'], 'ok': good, 'result': result, "
                                           "'error': job['queue']}) + '\\n')\n";
  LoopConfig config = command("w", "");
  config.kind = LoopKind::pipe;
  config.command = {"python3", folder_ + "/worker.py"};
  apply({config});
  ASSERT_TRUE(until([&] { return view("w").rounds >= 4; }));
  EXPECT_GE(view("w").failed_rounds, 2u);
  EXPECT_LT(view("w").failed_rounds, view("w").rounds);
  EXPECT_EQ(view("w").last_failure, "w");
  const boost::json::value arguments = boost::json::parse(R"({"a":1})");
  EXPECT_EQ(wait(loops_->send("w", "any", arguments)).value(), arguments);
}

}  // namespace
}  // namespace coworker::service
