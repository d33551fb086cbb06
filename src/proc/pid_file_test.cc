#include "proc/pid_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/file.h"
#include "proc/testing.h"

namespace coworker::proc {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class PidFileTest : public ::testing::Test {
 protected:
  PidFileTest() {
    std::string folder = ::testing::TempDir() + "pid_file.XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    path_ = folder_ + "/daemon.pid";
  }
  ~PidFileTest() override { std::filesystem::remove_all(folder_); }

  static PidFile held(const std::string& path) {
    Result<PidFile> file = PidFile::take(path);
    EXPECT_TRUE(file) << file.error().message();
    if (!file) return {};
    EXPECT_TRUE(file->write());
    return std::move(*file);
  }

  /// Another process that holds it.
  Process holder() {
    Pipe output = make_pipe();
    Launch launch = self({"hold", path_});
    launch.fds = {-1, output.write.get()};
    Result<Process> process = spawn(launch);
    EXPECT_EQ(read_line(output.read.get()), "held");
    return std::move(*process);
  }

  std::string folder_;
  std::string path_;
};

TEST_F(PidFileTest, HoldsThePidWhileItsOwnerLives) {
  {
    const PidFile file = held(path_);
    EXPECT_EQ(read_file(path_).value_or(""), std::to_string(::getpid()) + "\n");
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PidFileTest, HasOneHolderAtATimeHoweverOftenItComesAndGoes) {
  constexpr int kTurns = 2'000;
  std::atomic<int> holders = 0;
  std::atomic<int> turns = 0;
  const auto take_turns = [&] {
    while (turns < kTurns) {
      Result<PidFile> file = PidFile::take(path_);
      if (!file) continue;
      EXPECT_EQ(++holders, 1);
      EXPECT_TRUE(file->write());
      ++turns;
      --holders;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(take_turns);
  for (std::thread& each : threads) each.join();
}

TEST_F(PidFileTest, IsReadableByAllWhateverTheUmask) {
  const mode_t before = ::umask(0777);
  const PidFile file = held(path_);
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644U);
}

TEST_F(PidFileTest, ASecondOneIsRefusedByNameAndChangesNothing) {
  const Process first = holder();
  for (const auto leftover : {PidFile::Leftover::pid, PidFile::Leftover::anything}) {
    const Result<PidFile> second = PidFile::take(path_, leftover);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Errc::conflict);
    EXPECT_THAT(second.error().message(), HasSubstr(std::to_string(first.pid)));
  }
  EXPECT_EQ(read_file(path_).value_or(""), std::to_string(first.pid) + "\n");
  ::kill(first.pid, SIGKILL);
  wait_for(first);
}

TEST_F(PidFileTest, WhatAKilledOneLeftIsTakenOver) {
  const Process first = holder();
  ::kill(first.pid, SIGKILL);
  wait_for(first);
  ASSERT_TRUE(std::filesystem::exists(path_));
  const PidFile second = held(path_);
  EXPECT_EQ(read_file(path_).value_or(""), std::to_string(::getpid()) + "\n");
}

TEST_F(PidFileTest, AFileOfAnotherKindIsNotOverwritten) {
  ASSERT_TRUE(replace_file(path_, "an important text"));
  const Result<PidFile> refused = PidFile::take(path_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_EQ(read_file(path_).value_or(""), "an important text");
  EXPECT_TRUE(PidFile::take(path_, PidFile::Leftover::anything));
}

TEST_F(PidFileTest, NothingButAFileIsTaken) {
  EXPECT_FALSE(PidFile::take(folder_));
  EXPECT_FALSE(PidFile::take("/dev/null"));
  EXPECT_FALSE(PidFile::take(folder_ + "/missing/daemon.pid"));
  ASSERT_TRUE(replace_file(folder_ + "/target", ""));
  std::filesystem::create_symlink(folder_ + "/target", path_);
  EXPECT_FALSE(PidFile::take(path_)) << "a link may lead anywhere";
}

TEST_F(PidFileTest, AFileThatIsNotOursAnyMoreIsNotRemoved) {
  {
    const PidFile file = held(path_);
    std::filesystem::remove(path_);
    ASSERT_TRUE(replace_file(path_, "1\n"));
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace coworker::proc
