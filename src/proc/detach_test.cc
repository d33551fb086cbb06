#include "proc/detach.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

#include "proc/process_table.h"
#include "proc/testing.h"

namespace coworker::proc {
namespace {

using namespace testing;

/// A program that detaches itself, as it says who it is.
class DetachTest : public ::testing::Test {
 protected:
  Ended start(const std::string& how) {
    Pipe output = make_pipe();
    Launch launch = self({"detach", how});
    launch.fds = {-1, output.write.get(), output.write.get()};
    launch.dies_with_parent = false;
    const Result<Process> starter = spawn(launch);
    output.write.reset();
    if (!starter) return {};
    // Up to the end: nothing of the daemon may keep it open.
    std::istringstream said{testing::read_all(output.read.get())};
    said >> pid_ >> child_of_starter_ >> leads_session_ >> is_starter_;
    std::getline(said >> std::ws, rest_);
    return wait_for(*starter);
  }

  pid_t pid_ = 0;
  bool child_of_starter_ = true;
  bool leads_session_ = true;
  bool is_starter_ = true;
  std::string rest_;
};

TEST_F(DetachTest, TheStarterEndsWithZeroWhenTheOtherIsReady) {
  const Ended end = start("well");
  EXPECT_TRUE(!end.exit.by_signal && end.exit.code == 0);
  ASSERT_GT(pid_, 1);
  EXPECT_FALSE(is_starter_);
  EXPECT_FALSE(child_of_starter_);
  EXPECT_FALSE(leads_session_);
  EXPECT_EQ(rest_, "") << "the terminal was left";
  EXPECT_NE(::getsid(pid_), ::getsid(0));
  const Fd watched = watch(pid_);
  ::kill(pid_, SIGKILL);
  EXPECT_TRUE(readable(watched.get()));
}

TEST_F(DetachTest, TheStarterFailsWithTheOther) {
  const Ended end = start("fail");
  EXPECT_TRUE(!end.exit.by_signal && end.exit.code == 1);
}

TEST_F(DetachTest, TheStarterSaysTheLastWordOfOneThatHadLeftTheTerminal) {
  const Ended end = start("fail-later");
  EXPECT_TRUE(!end.exit.by_signal && end.exit.code == 1);
  EXPECT_EQ(rest_, "the log says why");
}

TEST_F(DetachTest, TheStarterFailsWhenTheOtherIsKilled) {
  const Ended end = start("crash");
  EXPECT_TRUE(!end.exit.by_signal && end.exit.code == 1);
}

TEST(Detachment, OneThatStaysAttachedDoesNothing) {
  Detachment attached;
  EXPECT_FALSE(attached.in_background());
  attached.ready();
  EXPECT_GE(::dup(STDERR_FILENO), 0);
}

}  // namespace
}  // namespace coworker::proc
