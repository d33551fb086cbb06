#include "proc/run_mark.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "proc/process_table.h"
#include "proc/testing.h"

namespace coworker::proc {
namespace {

using namespace testing;

TEST(RunMark, OursIsNotOver) {
  EXPECT_FALSE(run_is_over(make_run_mark()));
}

TEST(RunMark, WhatIsNoMarkNamesNobody) {
  for (const char* text : {"", "x", "1-2", "1-2-3", "1-2-3-4", "-1--2--3"}) EXPECT_FALSE(run_is_over(text)) << text;
}

TEST(RunMark, OfAnEndedOrReusedPidIsOver) {
  const std::string ours = make_run_mark();
  const std::string space = ours.substr(0, ours.find('-'));
  Result<Process> gone = spawn(shell("exit 0"));
  ASSERT_TRUE(gone);
  const std::optional<ProcessRow> row = find_process(gone->pid);
  const std::uint64_t start = row ? row->start : 1;
  wait_for(*gone);
  EXPECT_TRUE(run_is_over(fmt::format("{}-{}-{}", space, gone->pid, start)));
  // Our own pid, at another time.
  EXPECT_TRUE(run_is_over(fmt::format("{}-{}-1", space, ::getpid())));
  // Another pid namespace is not for us to judge.
  EXPECT_FALSE(run_is_over(fmt::format("12345-{}-1", ::getpid())));
}

TEST(RunMark, LeftoversAreKilledAndOthersAreNot) {
  const std::string ours = make_run_mark();
  Launch left = shell("exec sleep 1000");
  set_variable(left.environment, kRunVariable, fmt::format("{}-{}-1", ours.substr(0, ours.find('-')), ::getpid()));
  Launch kept = shell("exec sleep 1000");
  set_variable(kept.environment, kRunVariable, ours);
  Result<Process> first = spawn(left);
  Result<Process> second = spawn(kept);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(kill_leftovers(Millis{kPatience}));
  EXPECT_EQ(wait_for(*first).exit.code, SIGKILL);
  Result<std::optional<Ended>> end = reap(second->pidfd.get());
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end) << "a living supervisor's process was killed";
  ::kill(second->pid, SIGKILL);
  wait_for(*second);
}

}  // namespace
}  // namespace coworker::proc
