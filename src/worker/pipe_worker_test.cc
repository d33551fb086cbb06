#include "worker/pipe_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "proc/launch.h"
#include "worker/json_conversation.h"

namespace coworker::worker {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = Outcome::Kind;

/// A worker in sh: `work` is what it does with a job, whose id is $id and whose line is $line; then it says `$answer`.
std::string serve(const std::string& work) {
  return "n=0; while read -r line <&3; do n=$((n+1)); id=${line#*:\\\"}; id=${id%%\\\"*}; "
         "answer=\"{\\\"id\\\":\\\"$id\\\",\\\"ok\\\":true,\\\"result\\\":\\\"$$ $n\\\"}\"; " +
         work + "; [ -z \"$answer\" ] || echo \"$answer\" >&4; done";
}

/// Runs jobs in a pool until all have ended, and the pool as well.
class PipeWorkerTest : public ::testing::Test {
 protected:
  // As in every program that runs workers: one may die in the middle of what it is told.
  PipeWorkerTest() { std::signal(SIGPIPE, SIG_IGN); }

  void make(const std::string& script, PoolLimits limits = {}) {
    ProcessOptions options;
    options.command = {"/bin/sh", "-c", script};
    options.environment = proc::own_environment();
    options.grace = 200ms;
    options.limits = process_limits_;
    worker_ = std::make_unique<PipeWorker>(loop_, std::move(options), limits,
                                           [](const auto&, auto&) { return std::make_unique<JsonConversation>(); });
  }

  std::shared_ptr<Execution> start(const std::string& id, Millis timeout = 0ms, std::string body = "null") {
    Job job;
    job.id = id;
    job.queue = "q";
    job.body = std::move(body);
    job.process_timeout = timeout;
    job.context = context_;
    Watcher watcher;
    watcher.on_start = [this, id](pid_t group) {
      if (group > 0) groups_[id] = group;
      if (group > 0 && on_start) on_start();
    };
    watcher.on_report = [this, id](const Report& report) {
      reports_.push_back(describe(report));
      reports_of_[id].push_back(describe(report));
    };
    watcher.on_end = [this, id](Outcome outcome) {
      ends_.emplace(id, std::move(outcome));
      if (on_end) on_end();
    };
    ++open_;
    return worker_->start(std::move(job), std::move(watcher));
  }

  void run() {
    while (ends_.size() < open_) loop_.run_one();
    worker_->close();
    loop_.run();
  }

  /// "PID N" of each job's result.
  std::string number(const std::string& id) {
    const std::string& result = ends_[id].result;
    return result.substr(std::min(result.find(' '), result.size() - 1) + 1);
  }
  std::string pid(const std::string& id) { return ends_[id].result.substr(0, ends_[id].result.find(' ')); }

  std::string context_;
  async::Loop loop_;
  proc::Limits process_limits_;
  std::unique_ptr<PipeWorker> worker_;
  std::map<std::string, Outcome> ends_;
  std::map<std::string, pid_t> groups_;
  std::vector<std::string> reports_;
  std::map<std::string, std::vector<std::string>> reports_of_;
  std::function<void()> on_start;
  std::function<void()> on_end;
  std::size_t open_ = 0;
};

TEST_F(PipeWorkerTest, OneProcessDoesManyJobsInTheirOrder) {
  make(serve(":"));
  for (const char* id : {"a", "b", "c"}) start(id);
  run();
  EXPECT_EQ(number("a"), "1");
  EXPECT_EQ(number("b"), "2");
  EXPECT_EQ(number("c"), "3");
  EXPECT_EQ(pid("a"), pid("c"));
  EXPECT_EQ(pid("a"), std::to_string(groups_["b"])) << "the group is told for each";
}

TEST_F(PipeWorkerTest, AsManyProcessesAsAllowedWorkAtOnce) {
  // Each waits for the other.
  const std::string folder = ::testing::TempDir() + "cw-pipe-" + std::to_string(::getpid());
  make("mkdir -p " + folder + "; cd " + folder + "; " +
           serve("touch $id; while ! [ -e a -a -e b ]; do sleep 0.01; done"),
       {.count = 2});
  start("a");
  start("b");
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::ok);
  EXPECT_NE(pid("a"), pid("b"));
}

TEST_F(PipeWorkerTest, AProcessIsReplacedAfterItsJobs) {
  make(serve(":"), {.requests = 2});
  for (const char* id : {"a", "b", "c"}) start(id);
  run();
  EXPECT_EQ(pid("a"), pid("b"));
  EXPECT_NE(pid("b"), pid("c"));
  EXPECT_EQ(number("c"), "1");
}

TEST_F(PipeWorkerTest, AProcessThatIsTooOldIsReplaced) {
  make(serve("sleep 0.02"), {.lifetime = 10ms});
  start("a");
  start("b");
  run();
  EXPECT_NE(pid("a"), pid("b"));
}

TEST_F(PipeWorkerTest, AProcessThatIsTooLargeIsReplaced) {
  make(serve("x=$(head -c 20000000 /dev/zero | tr '\\0' x)"), {.memory = 10 << 20});
  start("a");
  start("b");
  run();
  EXPECT_NE(pid("a"), pid("b"));
}

TEST_F(PipeWorkerTest, AProcessThatIsTooLargeIsFoundBehindAShell) {
  make("(" + serve("x=$(head -c 20000000 /dev/zero | tr '\\0' x)") + "); :", {.memory = 10 << 20});
  start("a");
  start("b");
  run();
  EXPECT_NE(pid("a"), pid("b"));
}

TEST_F(PipeWorkerTest, AnIdleProcessEnds) {
  make(serve(":"), {.idle = 10ms});
  start("a");
  while (ends_.empty()) loop_.run_one();
  // Without close(): it is idleness that ends it, and with it all that the loop waits for.
  loop_.run();
  EXPECT_EQ(ends_["a"].kind, Kind::ok);
}

TEST_F(PipeWorkerTest, WhatItPrintsAndReportsIsInTheJobsLog) {
  make(serve("echo out; echo err >&2; echo '{\"progress\":0.5,\"text\":\"half\"}' >&4"));
  start("a");
  run();
  EXPECT_THAT(reports_, ::testing::UnorderedElementsAre("out", "err", "50 %: half"));
  EXPECT_EQ(ends_["a"].kind, Kind::ok);
}

TEST_F(PipeWorkerTest, ItSaysThatItFailed) {
  make(serve("answer='{\"id\":\"a\",\"ok\":false,\"error\":\"no paper\"}'"));
  start("a");
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::failed);
  EXPECT_EQ(ends_["a"].reason, "no paper");
}

TEST_F(PipeWorkerTest, DeathInMidJobIsACrashAndTheNextJobIsDone) {
  make(serve("[ $id = b ] && { echo last words >&2; kill -SEGV $$; }"));
  for (const char* id : {"a", "b", "c"}) start(id);
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::ok);
  EXPECT_EQ(ends_["b"].kind, Kind::crashed);
  EXPECT_THAT(ends_["b"].reason, HasSubstr("SIGSEGV not sent by us"));
  EXPECT_THAT(ends_["b"].reason, HasSubstr("last words"));
  ASSERT_TRUE(ends_["b"].certificate);
  EXPECT_EQ(ends_["c"].kind, Kind::ok);
  EXPECT_EQ(number("c"), "1");
}

TEST_F(PipeWorkerTest, AnExitInMidJobIsACrashOnceItHasShownThatItWorks) {
  make(serve("[ $id = b ] && exit 3"));
  start("a");
  start("b");
  run();
  EXPECT_EQ(ends_["b"].kind, Kind::crashed);
  EXPECT_THAT(ends_["b"].reason, HasSubstr("ended without an answer: exit code 3"));
}

TEST_F(PipeWorkerTest, AProgramThatNeverWorksFailsItsJobs) {
  make("exit 127");
  start("a");
  start("b");
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::failed) << "no job is buried for a poison that it is not";
  EXPECT_EQ(ends_["b"].kind, Kind::failed);
  EXPECT_THAT(ends_["b"].reason, HasSubstr("exit code 127"));
}

TEST_F(PipeWorkerTest, AProgramThatIsNotThereFailsItsJobs) {
  ProcessOptions options;
  options.command = {"no-such-program"};
  worker_ = std::make_unique<PipeWorker>(loop_, options, PoolLimits{},
                                         [](const auto&, auto&) { return std::make_unique<JsonConversation>(); });
  start("a");
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::failed);
  EXPECT_THAT(ends_["a"].reason, HasSubstr("exec 'no-such-program'"));
}

TEST_F(PipeWorkerTest, GarbageEndsTheProcessAndFailsItsJob) {
  make(serve("[ $id = a ] && answer=nonsense"));
  start("a");
  start("b");
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::failed);
  EXPECT_THAT(ends_["a"].reason, HasSubstr("no JSON object in one line: nonsense"));
  EXPECT_EQ(ends_["b"].kind, Kind::ok);
  EXPECT_EQ(number("b"), "1") << "by another process";
}

TEST_F(PipeWorkerTest, AtTheProcessTimeoutItsGroupIsKilled) {
  make(serve("[ $id = a ] && { trap '' TERM; sleep 1000; }"));
  start("a", 50ms);
  start("b", 10s);
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::failed);
  EXPECT_THAT(ends_["a"].reason, HasSubstr("process timeout of 50 ms exceeded"));
  EXPECT_EQ(ends_["b"].kind, Kind::ok);
}

TEST_F(PipeWorkerTest, AnAnswerWithinTheGraceCounts) {
  make(
      "trap 'echo \"{\\\"id\\\":\\\"a\\\",\\\"ok\\\":true,\\\"result\\\":\\\"late\\\"}\" >&4; exit' TERM; read x <&3; "
      "while :; do sleep 0.01; done");
  start("a", 50ms);
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::ok);
  EXPECT_EQ(ends_["a"].result, "late");
}

TEST_F(PipeWorkerTest, WhatWeStopIsNotTheJobsFault) {
  make(serve("sleep 1000"));
  const std::shared_ptr<Execution> running = start("a");
  const std::shared_ptr<Execution> waiting = start("b");
  on_start = [&] {
    running->stop(proc::Killed::stopped, 0ms);
    waiting->stop(proc::Killed::stopped, 0ms);
  };
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::stopped);
  EXPECT_EQ(ends_["b"].kind, Kind::stopped);
}

TEST_F(PipeWorkerTest, LargeJobsAndAnswersPass) {
  make("while read -r line <&3; do printf '{\"id\":\"a\",\"ok\":true,\"result\":%s}\\n' \"$line\" >&4; done");
  const std::string body = '"' + std::string(8 << 20, 'x') + '"';
  start("a", 0ms, body);
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::ok) << ends_["a"].reason;
  EXPECT_THAT(ends_["a"].result.size(), ::testing::Gt(body.size()));
}

TEST_F(PipeWorkerTest, OneThatReadsNothingIsEndedAtItsTimeout) {
  make("while :; do sleep 1; done");
  start("a", 50ms, '"' + std::string(8 << 20, 'x') + '"');
  run();
  EXPECT_EQ(ends_["a"].kind, Kind::failed);
}

TEST_F(PipeWorkerTest, DroppingThePoolEndsItsProcesses) {
  make(serve(":"));
  start("a");
  while (ends_.empty()) loop_.run_one();
  worker_.reset();
  loop_.run();
  EXPECT_EQ(ends_["a"].kind, Kind::ok);
}

TEST_F(PipeWorkerTest, WhatIsPrintedBeforeAnAnswerBelongsToItsJob) {
  make(serve("echo out $id; echo err $id >&2"));
  std::vector<std::string> ids;
  for (int i = 0; i < 300; ++i) ids.push_back("job" + std::to_string(i));
  for (const std::string& id : ids) start(id);
  run();
  for (const std::string& id : ids) EXPECT_THAT(reports_of_[id], ElementsAre("out " + id, "err " + id));
}

TEST_F(PipeWorkerTest, AMemoryLimitIsHeld) {
  process_limits_.memory = 64 << 20;
  make("ulimit -d; " + serve(":"));
  start("a");
  run();
  EXPECT_THAT(reports_, ElementsAre("65536"));
}

TEST_F(PipeWorkerTest, AProcessServesOneContextAndMakesPlaceForAnother) {
  make(serve(":"), {.count = 1});
  for (const char* id : {"a1", "a2", "b1", "b2", "a3"}) {
    context_ = std::string{id}.substr(0, 1);
    start(id);
  }
  EXPECT_EQ(worker_->free_slots(), 0u);
  run();
  EXPECT_EQ(number("a1"), "1");
  EXPECT_EQ(number("a2"), "2");
  EXPECT_EQ(number("b1"), "1");
  EXPECT_EQ(number("b2"), "2");
  EXPECT_EQ(number("a3"), "1") << "the one that was there has made place";
  EXPECT_EQ(pid("a1"), pid("a2"));
  EXPECT_NE(pid("a1"), pid("b1"));
}

TEST_F(PipeWorkerTest, FreeSlotsAreThoseThatNeedNotWaitForAJob) {
  make(serve(":"), {.count = 3});
  EXPECT_EQ(worker_->free_slots(), 3u);
  start("1");
  EXPECT_EQ(worker_->free_slots(), 2u);
  start("2");
  start("3");
  EXPECT_EQ(worker_->free_slots(), 0u);
  on_end = [this] {
    if (ends_.size() == 3) EXPECT_EQ(worker_->free_slots(), 3u);
  };
  run();
}

}  // namespace
}  // namespace coworker::worker
