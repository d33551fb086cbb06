#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>

#include "program.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class RunProgram : public testing::Test {
 protected:
  bool is_served() const { return ::access(sandbox_.path("coworker-data/broker.sock").c_str(), F_OK) == 0; }
  bool no_job_waits() const {
    const std::string queues = sandbox_.run({"queues", "--json"}).out;
    return queues.find(R"("ready":0,"scheduled":0,"leased":0)") != std::string::npos;
  }
  std::size_t lines_of(const std::string& name) const {
    const std::string text = sandbox_.read(name);
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  Sandbox sandbox_;
};

TEST_F(RunProgram, AddedJobsAreRunAndTheProgramEndsWhenAsked) {
  sandbox_.write("work.sh", "#!/bin/sh\necho \"$1 $2 $3\" >> out\n");
  ::chmod(sandbox_.path("work.sh").c_str(), 0700);
  sandbox_.write("coworker.yml", "queues: { hello: { worker: { type: command, command: [./work.sh] } } }");
  ASSERT_EQ(sandbox_.run({"add", "hello", R"({"early": "it's"})"}).code, 0) << "before anybody serves the store";
  Background program{sandbox_, {"run"}};
  ASSERT_TRUE(eventually([&] { return is_served(); })) << program.log();
  ASSERT_EQ(sandbox_.run({"add", "hello", "--stdin"}, "1\n2\n3\n").code, 0);
  EXPECT_TRUE(eventually([&] { return lines_of("out") == 4; })) << program.log();
  EXPECT_THAT(sandbox_.read("out"), HasSubstr(R"(--queue=hello --body={"early": "it's"} --metadata={"creation-time")"));
  EXPECT_TRUE(eventually([&] { return sandbox_.run({"jobs"}).out.find("D-") == std::string::npos; }));
  EXPECT_EQ(program.stop(), 0) << program.log();
  EXPECT_FALSE(is_served());
}

TEST_F(RunProgram, AJobThatAlwaysFailsEndsInTheFailureQueueWithItsReason) {
  sandbox_.write("coworker.yml",
                 "queues:\n  bad:\n    worker: { type: command, command: \"sh -c 'echo cannot >&2; exit 3'\" }\n"
                 "    max_retries: 1\n    failure_queue: graves\n    failure_strategy: retry_immediately\n");
  Background program{sandbox_, {"run"}};
  const Ran added = sandbox_.run({"add", "bad", "1"});
  ASSERT_EQ(added.code, 0) << added.err;
  const std::string id = added.out.substr(0, 40);
  const auto shown = [&] { return sandbox_.run({"job", id, "--json"}).out; };
  ASSERT_TRUE(eventually([&] { return shown().find(R"("origin":"bad")") != std::string::npos; })) << program.log();
  EXPECT_THAT(shown(), HasSubstr(R"("queue":"graves")"));
  EXPECT_THAT(shown(), HasSubstr(R"("attempts":2)"));
  EXPECT_THAT(shown(), HasSubstr("cannot"));
  EXPECT_THAT(sandbox_.run({"jobs", "--dead"}).out, HasSubstr(id));
}

TEST_F(RunProgram, WorkersOfASharedLibraryRunInline) {
  sandbox_.write("coworker.yml", "bootstrap: " TEST_WORKERS
                                 "\nqueues:\n  e: { worker: { type: inline, name: echo } }\n"
                                 "  r: { worker: { type: inline, name: refuse }, max_retries: 0 }\n");
  const Ran echoed = sandbox_.run({"process", "e", R"({"x":1})"});
  EXPECT_EQ(echoed.code, 0) << echoed.err;
  EXPECT_EQ(echoed.out, "{\"x\":1}\n");
  const Ran refused = sandbox_.run({"process", "r", "1"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("not today"));

  Background program{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "r", "1"}).code, 0);
  EXPECT_TRUE(eventually([&] { return sandbox_.run({"jobs", "--dead"}).out.find("not today") != std::string::npos; }))
      << program.log();

  sandbox_.write("bad.yml", "bootstrap: /nonexistent.so\nqueues: { e: { worker: { type: inline, name: echo } } }");
  const Ran missing = sandbox_.run({"run", "-c", "bad.yml"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("/nonexistent.so"));
}

TEST_F(RunProgram, ProcessRunsOneJobHereAndNow) {
  sandbox_.write(
      "coworker.yml",
      "queues:\n  good: { worker: { type: command, command: [echo, hello] } }\n"
      "  slow: { worker: { type: command, command: [sleep, 60] }, job_process_timeout: 1s }\nkill_grace: 100ms\n"
      "  # a command that is not there\n");
  EXPECT_EQ(sandbox_.run({"process", "good", "1"}).out, "hello --queue=good --body=1 --metadata={}\n");
  EXPECT_EQ(sandbox_.run({"processjob", "good", "1", "-c", sandbox_.path("coworker.yml")}, {}, {}, "/").code, 0)
      << "from another directory";
  EXPECT_EQ(sandbox_.run({"process", "slow", "1"}).code, 1);
  EXPECT_EQ(sandbox_.run({"process", "none", "1"}).code, 1);
  EXPECT_EQ(sandbox_.run({"process", "good", "{"}).code, 1);
  EXPECT_THAT(sandbox_.run({"process", "good", "1", "--json"}).out, HasSubstr(R"("done":true)"));
  EXPECT_THAT(sandbox_.run({"process", "good", "1", "--metadata", R"({"a":1})"}).out,
              HasSubstr(R"(--metadata={"a":1})"));
  EXPECT_EQ(sandbox_.run({"process", "good", "1", "--metadata", "[]"}).code, 2);
  const Ran delayed = sandbox_.run({"process", "good", "1", "--delay", "5"});
  EXPECT_EQ(delayed.code, 2);
  EXPECT_THAT(delayed.err, HasSubstr("takes no --delay"));
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data"))) << "it needs no store";
}

TEST_F(RunProgram, ASecondOneUsesTheFirstOnesBroker) {
  sandbox_.write(
      "one.yml",
      "store: file:coworker-data\nqueues: { a: { worker: { type: command, command: [sh, -c, 'echo a >> out'] } } }");
  sandbox_.write(
      "two.yml",
      "store: file:coworker-data\nqueues: { b: { worker: { type: command, command: [sh, -c, 'echo b >> out'] } } }");
  Background first{sandbox_, {"run", "-c", "one.yml"}};
  ASSERT_TRUE(eventually([&] { return is_served(); })) << first.log();
  Background second{sandbox_, {"run", "-c", "two.yml"}};
  ASSERT_EQ(sandbox_.run({"add", "a", "1"}).code, 0);
  ASSERT_EQ(sandbox_.run({"add", "b", "1"}).code, 0);
  EXPECT_TRUE(eventually([&] { return lines_of("out") == 2; })) << first.log() << second.log();
  EXPECT_THAT(second.log(), HasSubstr("served by another broker"));
  EXPECT_EQ(second.stop(), 0);
  EXPECT_EQ(first.stop(), 0);
}

TEST_F(RunProgram, TheFileOfDisqontrolRunsAsItIs) {
  Background broker{sandbox_, {"broker", "--listen", "unix:b.sock", "--listen", "tcp:127.0.0.1:0"}};
  const auto port = [&] {
    const std::string log = broker.log();
    const std::size_t at = log.find("tcp:127.0.0.1:");
    return at == std::string::npos ? std::string{}
                                   : log.substr(at + 14, log.find_first_not_of("0123456789", at + 14) - at - 14);
  };
  ASSERT_TRUE(eventually([&] { return !port().empty(); })) << broker.log();
  sandbox_.write("disqontrol.yml",
                 "disqontrol:\n  disque: [ { host: 127.0.0.1, port: " + port() +
                     " } ]\n  queue_defaults: {}\n  consumer_defaults: {}\n  queues:\n"
                     "    q: { worker: { type: command, command: 'echo \"$HOME\" >> out; echo' } }\n  log_dir: .\n");
  Background program{sandbox_, {"supervisor"}, {"HOME=/shell"}};
  ASSERT_EQ(sandbox_.run({"addjob", "q", "1"}).code, 0);
  EXPECT_TRUE(eventually([&] { return lines_of("out") == 1; })) << sandbox_.read("disqontrol.log") << program.log();
  EXPECT_THAT(sandbox_.read("out"), HasSubstr("/"));
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(RunProgram, NothingToRunIsSaid) {
  const Ran ran = sandbox_.run({"run"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("there is nothing to run"));
}

TEST_F(RunProgram, AScheduleAloneIsReasonEnough) {
  sandbox_.write("crontab", "* * * * * news 1\n");
  sandbox_.write("coworker.yml", "schedule: { crontab: crontab, catch_up: last, window: 5m }\n");
  Background program{sandbox_, {"run"}};
  EXPECT_TRUE(eventually([&] { return sandbox_.run({"jobs", "--queue", "news"}).out.find("D-") != std::string::npos; }))
      << program.log();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(RunProgram, AChangedConfigurationIsAppliedWithoutLosingAJob) {
  const auto configure = [&](const std::string& script) {
    sandbox_.write("coworker.yml",
                   "queues: { a: { worker: { type: command, command: [sh, -c, \"" + script +
                       "\"] } }, b: { worker: { type: command, command: [sh, -c, 'echo b >> out'] } } }\n"
                       "consumers: [ { queues: [a] }, { queues: [b] } ]\n");
  };
  configure("echo begun >> out; while ! test -e go; do sleep 0.05; done; echo old >> out");
  Background program{sandbox_, {"run"}};
  ASSERT_TRUE(eventually([&] { return is_served(); })) << program.log();
  ASSERT_EQ(sandbox_.run({"add", "a", "1"}).code, 0);
  ASSERT_TRUE(eventually([&] { return lines_of("out") == 1; })) << program.log();
  const std::string before = sandbox_.run({"worker", "list", "--json"}).out;

  configure("echo new >> out");
  const Ran reloaded = sandbox_.run({"reload"});
  ASSERT_EQ(reloaded.code, 0) << reloaded.err;
  // The job that runs goes on beside the new consumers.
  ASSERT_EQ(sandbox_.run({"add", "a", "2"}).code, 0);
  ASSERT_TRUE(eventually([&] { return sandbox_.read("out") == "begun\nnew\n"; })) << sandbox_.read("out");
  EXPECT_THAT(sandbox_.run({"worker", "list"}).out, HasSubstr("draining"));
  sandbox_.write("go", "");
  EXPECT_TRUE(eventually([&] { return sandbox_.read("out") == "begun\nnew\nold\n"; })) << program.log();
  EXPECT_TRUE(eventually([&] { return no_job_waits(); }));
  EXPECT_TRUE(eventually([&] { return sandbox_.run({"worker", "list"}).out.find("draining") == std::string::npos; }));

  // What cannot run is refused, in words and by the exit code, and everything goes on.
  sandbox_.write("coworker.yml",
                 "queues: { a: { worker: { type: command, command: x } } }\nconsumers: [{ queues: [zz] }]");
  const Ran refused = sandbox_.run({"reload"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("no queue 'zz'"));
  EXPECT_THAT(program.log(), HasSubstr("the configuration stays as it was"));
  ASSERT_EQ(sandbox_.run({"add", "b", "1"}).code, 0);
  EXPECT_TRUE(eventually([&] { return sandbox_.read("out").ends_with("b\n"); })) << program.log();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(RunProgram, TheKillSwitchHoldsAllWorkUntilItIsOver) {
  sandbox_.write("coworker.yml",
                 "kill_switch: switch.json\n"
                 "queues: { a: { worker: { type: command, command: [sh, -c, 'echo ran >>out'] } } }");
  const auto has_no_consumer = [this] {
    return sandbox_.run({"worker", "list", "--json"}).out.find(R"("processes":[])") != std::string::npos;
  };
  ASSERT_EQ(sandbox_.run({"shared", "disable", "--work"}).code, 0);
  Background program{sandbox_, {"run"}};
  ASSERT_TRUE(eventually([&] { return program.log().find("holds all work") != std::string::npos; })) << program.log();
  ASSERT_TRUE(eventually(has_no_consumer));
  ASSERT_EQ(sandbox_.run({"add", "a", "1"}).code, 0);
  EXPECT_TRUE(has_no_consumer());
  EXPECT_EQ(sandbox_.read("out"), "");
  ASSERT_EQ(sandbox_.run({"shared", "enable", "--all"}).code, 0);
  ASSERT_TRUE(eventually([&] { return sandbox_.read("out") == "ran\n"; })) << program.log();

  ASSERT_EQ(sandbox_.run({"shared", "disable", "--all"}).code, 0);
  ASSERT_TRUE(eventually(has_no_consumer)) << program.log();
  sandbox_.write("switch.json", "{");
  ASSERT_TRUE(eventually([&] { return program.log().find("is damaged") != std::string::npos; })) << program.log();
  EXPECT_TRUE(has_no_consumer()) << "damage does not let work begin";
  ASSERT_EQ(::unlink(sandbox_.path("switch.json").c_str()), 0);
  ASSERT_EQ(sandbox_.run({"add", "a", "2"}).code, 0);
  EXPECT_TRUE(eventually([&] { return sandbox_.read("out") == "ran\nran\n"; })) << program.log();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(RunProgram, AStopThatIsToldTwiceAtOnceIsOneStop) {
  sandbox_.write("work.sh", "touch begun; while [ ! -e go ]; do sleep 0.01; done; echo ended >>out");
  sandbox_.write("coworker.yml", "queues: { a: { worker: { type: command, command: [sh, work.sh] } } }");
  Background program{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "a", "1"}).code, 0);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(sandbox_.path("begun")); })) << program.log();
  ::kill(program.pid(), SIGTERM);
  ::kill(program.pid(), SIGINT);
  ASSERT_TRUE(eventually([&] { return program.log().find("stopping") != std::string::npos; }));
  sandbox_.write("go", "");
  EXPECT_TRUE(eventually([&] { return sandbox_.read("out") == "ended\n"; })) << program.log();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

/// A worker that leaves something running, and notes when it starts beside what an earlier start has left.
class RunAgain : public RunProgram {
 protected:
  /// `leave` starts it, and writes its process id to `left`; it has "sleep" in its command line.
  void start(const std::string& leave, const std::string& more = {}, const std::string& command = "sh, work.sh") {
    sandbox_.write("work.sh",
                   "[ -e left ] && grep -qs sleep /proc/$(cat left)/cmdline && echo both >>overlaps; rm -f left\n" +
                       leave + "\nwhile [ ! -e left ]; do sleep 0.01; done\n" +
                       "echo $PPID >>consumers\nwhile [ ! -e go ]; do sleep 0.1; done\n");
    sandbox_.write("coworker.yml", more + "queues: { q: { worker: { type: command, command: [" + command + "] } } }");
    program_ = std::make_unique<Background>(sandbox_, Sandbox::Words{"run"});
    ASSERT_EQ(sandbox_.run({"add", "q", "1"}).code, 0);
    ASSERT_TRUE(eventually([&] { return lines_of("consumers") == 1; })) << program_->log();
  }
  pid_t consumer() const { return std::atoi(sandbox_.read("consumers").c_str()); }
  /// The child of the program that leads a session; 0: it was not found.
  pid_t keeper() const {
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream file{entry.path() / "stat"};
      const std::string text{std::istreambuf_iterator<char>{file}, {}};
      std::istringstream after_name{text.substr(text.rfind(')') + 1)};
      std::string state;
      pid_t parent = 0, group = 0, session = 0;
      if (after_name >> state >> parent >> group >> session && parent == program_->pid() &&
          std::to_string(session) == name) {
        return session;
      }
    }
    return 0;
  }
  void expect_no_overlap() {
    EXPECT_TRUE(eventually([&] { return lines_of("consumers") == 2; })) << program_->log();
    EXPECT_EQ(sandbox_.read("overlaps"), "");
    sandbox_.write("go", "");
    EXPECT_TRUE(eventually([&] { return no_job_waits(); })) << program_->log();
  }

  std::unique_ptr<Background> program_;
};

constexpr const char* kInItsGroup = "sleep 1000 & echo $! >left";

TEST_F(RunAgain, WhatAStoppedConsumerRunsIsKilledBeforeAnotherOneRunsIt) {
  start(kInItsGroup, "lease: 3s\nconsumers: [{ queues: [q], min_processes: 2 }]\n");
  ASSERT_GT(consumer(), 1);
  ASSERT_EQ(::kill(consumer(), SIGSTOP), 0);
  expect_no_overlap();
  EXPECT_THAT(program_->log(), HasSubstr("gives no sign of life"));
}

TEST_F(RunAgain, WhatLeftItsGroupIsDeadBeforeItsJobRunsAgain) {
  start("setsid sh -c 'echo $$ >new; mv new left; exec sleep 1000' &");
  ASSERT_GT(consumer(), 1);
  ASSERT_EQ(::kill(consumer(), SIGKILL), 0);
  expect_no_overlap();
}

TEST_F(RunAgain, WithoutAKeeperAGroupIsKilledThoughItHasWipedItsEnvironment) {
  start(kInItsGroup, {}, "env, -i, sh, work.sh");
  const pid_t killed[] = {keeper(), consumer()};
  for (const pid_t each : killed) ASSERT_GT(each, 1);
  for (const pid_t each : killed) ASSERT_EQ(::kill(each, SIGKILL), 0);
  expect_no_overlap();
}

TEST_F(RunProgram, ReloadNamesWhereItLookedForASupervisor) {
  const Ran none = sandbox_.run({"reload"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, AllOf(HasSubstr("no supervisor answers"), HasSubstr("coworker-data/control.sock")));
}

TEST_F(RunProgram, ALibraryHasHooksAroundAddsAndJobs) {
  sandbox_.write("coworker.yml", "bootstrap: " TEST_WORKERS
                                 "\nqueues:\n  e: { worker: { type: inline, name: echo } }\n"
                                 "  r: { worker: { type: inline, name: refuse }, failure_strategy: never }\n");
  const Sandbox::Words environment{"HOOKS_FILE=" + sandbox_.path("told")};
  ASSERT_EQ(sandbox_.run({"add", "e", "1"}, {}, environment).code, 0);
  ASSERT_EQ(sandbox_.run({"add", "r", "--stdin"}, "2\n", environment).code, 0);
  EXPECT_EQ(sandbox_.run({"add", "e", "{bad"}, {}, environment).code, 1);
  const std::string jobs = sandbox_.run({"jobs", "--json", "--bodies"}).out;
  EXPECT_THAT(jobs, HasSubstr(R"("hooked":1)"));
  EXPECT_THAT(jobs, HasSubstr(R"("priority":7)"));
  EXPECT_THAT(jobs, HasSubstr(R"("job-lifetime":1000)"));
  sandbox_.write("crontab", "* * * * * e 3\n");
  EXPECT_EQ(sandbox_.run({"schedule", "--crontab", sandbox_.path("crontab")}, {}, environment).code, 0);
  Background program{sandbox_, {"run"}, environment};
  const auto told = [&](const std::string& line) {
    return ("\n" + sandbox_.read("told")).find("\n" + line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(eventually([&] { return told("buried not today") && told("failed not today") && told("after 3"); }))
      << program.log() << sandbox_.read("told");
  EXPECT_EQ(program.stop(), 0);
  for (const char* line : {"before_add 1", "before_add 2", "before_add {bad", "before_add 3", "after_add D-",
                           "before 1", "after 1", "strategy not today"}) {
    EXPECT_TRUE(told(line)) << line << " is missing in\n" << sandbox_.read("told");
  }
  EXPECT_THAT(sandbox_.read("told"), HasSubstr("not_added the body is no JSON"));
}

}  // namespace
