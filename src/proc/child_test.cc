#include "proc/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <csignal>
#include <optional>

#include "proc/group.h"
#include "proc/process_table.h"
#include "proc/strays.h"
#include "proc/testing.h"

namespace coworker::proc {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::HasSubstr;
using ::testing::Not;

/// Runs a child to its end; `act` gets it once it executes.
class ChildTest : public ::testing::Test {
 protected:
  Certificate run(ChildOptions options, std::function<void(Child&)> act = {}) {
    std::shared_ptr<Child> child;
    options.on_start = [&, then = options.on_start](pid_t pid) {
      pid_ = pid;
      if (then) then(pid);
      if (act) act(*child);
    };
    std::optional<Result<Certificate>> result;
    child = Child::start(loop_, std::move(options), [&](Result<Certificate> end) {
      EXPECT_FALSE(group_runs(pid_)) << "told before the group was dead";
      result.emplace(std::move(end));
    });
    loop_.restart();
    loop_.run();
    EXPECT_TRUE(result.has_value());
    if (!result) return {};
    if (!*result) error_ = result->error().message();
    return *result ? **result : Certificate{};
  }

  static ChildOptions options(const std::string& text) {
    ChildOptions out;
    out.launch = shell(text);
    return out;
  }

  async::Loop loop_;
  pid_t pid_ = 0;
  std::string error_;
};

TEST_F(ChildTest, KeepsBothOutputsAndTheExitCode) {
  const Certificate end = run(options("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(end.exit.code, 3);
  EXPECT_FALSE(end.crashed());
  EXPECT_EQ(end.output, "out\n");
  EXPECT_EQ(end.error_output, "err\n");
  EXPECT_THAT(end.describe(), HasSubstr("exit code 3 after"));
}

TEST_F(ChildTest, KeepsOnlyTheLastOfALongOutput) {
  ChildOptions long_one = options("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo last");
  long_one.tail = 1000;
  const Certificate end = run(std::move(long_one));
  EXPECT_EQ(end.output.size(), 1000U);
  EXPECT_THAT(end.output, ::testing::EndsWith("line 19999\nlast\n"));
}

TEST_F(ChildTest, ReadsItsInput) {
  ChildOptions with_input = options("cat");
  with_input.input.reset(::memfd_create("input", MFD_CLOEXEC));
  ASSERT_EQ(::write(with_input.input.get(), "hello", 5), 5);
  ASSERT_EQ(::lseek(with_input.input.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(run(std::move(with_input)).output, "hello");
  EXPECT_EQ(run(options("cat; echo end")).output, "end\n");
}

TEST_F(ChildTest, ASignalThatWeDidNotSendIsACrash) {
  const Certificate end = run(options("echo why >&2; kill -SEGV $$"));
  EXPECT_TRUE(end.crashed());
  EXPECT_THAT(end.describe(), HasSubstr("SIGSEGV not sent by us after "));
  EXPECT_EQ(end.error_output, "why\n");
}

TEST_F(ChildTest, TellsTheMemoryOfALimitedProcess) {
  ChildOptions limited = options("kill -KILL $$");
  limited.launch.limits.memory = 256 << 20;
  const Certificate end = run(std::move(limited));
  EXPECT_THAT(end.describe(),
              ::testing::ContainsRegex("SIGKILL not sent by us after .*; peak memory .* of limit 256 MiB"));
  // Our own peak, with sanitizers, is far above that of a shell.
  EXPECT_THAT(end.describe(), HasSubstr("at most"));
}

TEST_F(ChildTest, TellsThatTheCpuLimitEndedIt) {
  ChildOptions limited = options("while :; do :; done");
  limited.launch.limits.cpu = 1s;
  const Certificate end = run(std::move(limited));
  EXPECT_THAT(end.describe(), HasSubstr("SIGXCPU: CPU limit of 1 s"));
  EXPECT_GE(end.usage.user + end.usage.system, 500ms);  // the kernel's two clocks differ somewhat
}

TEST_F(ChildTest, TimeoutAsksFirst) {
  ChildOptions slow = options("trap 'echo asked; exit 9' TERM; sleep 1000 & wait");
  slow.timeout = 300ms;
  const Certificate end = run(std::move(slow));
  EXPECT_EQ(end.killed, Killed::process_timeout);
  EXPECT_FALSE(end.crashed());
  EXPECT_EQ(end.exit.code, 9);
  EXPECT_EQ(end.output, "asked\n");
  EXPECT_THAT(end.describe(), HasSubstr("process timeout of 300 ms exceeded"));
}

TEST_F(ChildTest, TimeoutKillsAGroupThatDoesNotListen) {
  ChildOptions deaf = options("trap '' TERM; sh -c 'sleep 1000 & wait' & while :; do wait; done");
  deaf.timeout = 200ms;
  deaf.grace = 100ms;
  const Certificate end = run(std::move(deaf));
  EXPECT_EQ(end.exit.code, SIGKILL);
  EXPECT_FALSE(end.crashed());
  EXPECT_LT(end.wall, 15s);
}

TEST_F(ChildTest, GrandchildrenDoNotOutliveTheLeader) {
  // They hold both outputs and ignore what can be ignored.
  const Certificate end = run(options("trap '' TERM HUP; sleep 1000 & (sleep 1000 &) ; exit 0"));
  EXPECT_TRUE(end.exit.clean());
  EXPECT_LT(end.wall, 15s);
}

TEST_F(ChildTest, IsOnlyOverWhenItsGroupIsDead) {
  // run() looks at the group when the end is told.
  ChildOptions fat;
  fat.launch = self({"fat", "leave"});
  EXPECT_TRUE(run(std::move(fat)).exit.clean());
}

TEST_F(ChildTest, StopsAtOnceWithoutGrace) {
  const Certificate end = run(options("trap '' TERM; echo up; sleep 1000 & wait; wait"),
                              [](Child& child) { child.stop(Killed::stopped, 0ms); });
  EXPECT_EQ(end.killed, Killed::stopped);
  EXPECT_EQ(end.exit.code, SIGKILL);
}

TEST_F(ChildTest, ASecondStopShortensTheFirst) {
  const Certificate end = run(options("trap '' TERM; sleep 1000 & wait; wait; wait"), [](Child& child) {
    child.stop(Killed::stopped, 1h);
    child.stop(Killed::lease_lost, 0ms);
  });
  EXPECT_EQ(end.killed, Killed::stopped);
  EXPECT_LT(end.wall, 15s);
}

TEST_F(ChildTest, CanBeStoppedBeforeItIsKnownToRun) {
  std::optional<Result<Certificate>> result;
  const std::shared_ptr<Child> child =
      Child::start(loop_, options("sleep 1000"), [&](Result<Certificate> end) { result.emplace(std::move(end)); });
  child->stop(Killed::stopped, 0ms);
  loop_.run();
  ASSERT_TRUE(result && *result);
  EXPECT_EQ((*result)->killed, Killed::stopped);
}

TEST_F(ChildTest, AFailedStartIsAnError) {
  ChildOptions wrong = options("");
  wrong.launch.argv = {"/no/such/program"};
  run(std::move(wrong));
  EXPECT_EQ(error_, "exec '/no/such/program': No such file or directory");
}

TEST_F(ChildTest, WhatLeftItsGroupIsFoundByItsMark) {
  adopt_orphans();
  ChildOptions marked = options("setsid -f sh -c 'echo $$; exec sleep 1000'; sleep 0; exit 0");
  set_variable(marked.launch.environment, "TEST_MARK", "x1");
  marked.mark = "TEST_MARK";
  // A neighbour's stray is nobody's business.
  ChildOptions other = options("setsid -f sh -c 'echo $$ >&9; exec sleep 1000'; exec sleep 1000");
  set_variable(other.launch.environment, "TEST_MARK", "x2");
  other.mark = "TEST_MARK";
  Pipe pipe = make_pipe();
  other.launch.fds = {-1, -1, -1, -1, -1, -1, -1, -1, -1, pipe.write.get()};
  std::optional<Result<Certificate>> other_end;
  const std::shared_ptr<Child> neighbour =
      Child::start(loop_, std::move(other), [&](Result<Certificate> end) { other_end.emplace(std::move(end)); });
  while (neighbour->pid() == 0 && !other_end) loop_.run_one();
  ASSERT_FALSE(other_end);
  pipe.write.reset();
  const Fd neighbours_stray = watch(std::atoi(read_line(pipe.read.get()).c_str()));

  std::optional<Result<Certificate>> end;
  Child::start(loop_, std::move(marked), [&](Result<Certificate> certificate) { end.emplace(std::move(certificate)); });
  while (!end) loop_.run_one();
  ASSERT_TRUE(*end);
  const pid_t stray = std::atoi((*end)->output.c_str());
  EXPECT_FALSE(stray > 0 && find_process(stray)) << "the stray lives on, or was not reaped";
  pollfd polled{neighbours_stray.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 0) << "the neighbour's stray was killed";
  neighbour->stop(Killed::stopped, 0ms);
  while (!other_end) loop_.run_one();
  EXPECT_TRUE(readable(neighbours_stray.get()));
}

TEST_F(ChildTest, ManyAtOnceEachGetItsOwnEnd) {
  int right = 0;
  for (int i = 0; i < 40; ++i) {
    Child::start(loop_, options("exit " + std::to_string(i)), [&right, i](Result<Certificate> end) {
      if (end && end->exit.code == i) ++right;
    });
  }
  loop_.run();
  EXPECT_EQ(right, 40);
}

}  // namespace
}  // namespace coworker::proc
