#include "proc/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "proc/group.h"
#include "proc/process_table.h"
#include "proc/testing.h"

namespace coworker::proc {
namespace {

using namespace testing;

constexpr int kGroups = 3;
constexpr std::size_t kFamily = 4;  // processes of a group: two shells, two sleeps

/// Processes that are being watched through pidfds, so that waiting for their end is an event.
class Watched {
 public:
  void add_group(pid_t group) {
    for (const pid_t pid : running_members(group)) add(pid);
    groups_.push_back(group);
  }
  void add(pid_t pid) { fds_.push_back(watch(pid)); }
  std::size_t size() const { return fds_.size(); }
  bool all_end() const {
    return std::all_of(fds_.begin(), fds_.end(), [](const Fd& fd) { return fd && readable(fd.get()); });
  }
  void kill_groups() {
    for (const pid_t group : groups_) signal_group(group, SIGKILL);
  }
  bool any_group_runs() const { return std::any_of(groups_.begin(), groups_.end(), group_runs); }

 private:
  std::vector<pid_t> groups_;
  std::vector<Fd> fds_;
};

/// Reads that many "WORD PID" lines; a group's line comes when its family is complete.
std::vector<std::string> watch_lines(int fd, Watched& watched, int count) {
  std::vector<std::string> words;
  for (int i = 0; i < count; ++i) {
    const std::string line = read_line(fd);
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) break;
    words.push_back(line.substr(0, blank));
    const pid_t pid = std::atoi(line.c_str() + blank);
    if (words.back() == "group") {
      watched.add_group(pid);
    } else {
      watched.add(pid);
    }
  }
  return words;
}

class KeeperTest : public ::testing::Test {
 protected:
  void start_keeper() {
    Result<std::unique_ptr<Keeper>> keeper = Keeper::start(loop_, self({"keeper"}),
                                                           {[this](std::uint32_t owner, std::uint32_t killed) {
                                                              gone_.emplace_back(owner, killed);
                                                              survivors_ = watched_.any_group_runs();
                                                              loop_.stop();
                                                            },
                                                            [this] {
                                                              lost_ = true;
                                                              loop_.stop();
                                                            }});
    ASSERT_TRUE(keeper) << keeper.error().message();
    keeper_ = std::move(*keeper);
  }

  void start_owner(const std::string& word = "owner", int groups = kGroups) {
    Result<Fd> link = keeper_->add_owner(7);
    ASSERT_TRUE(link) << link.error().message();
    Pipe pipe = make_pipe();
    Launch launch = self({word, std::to_string(groups)});
    launch.fds = {-1, pipe.write.get(), 2, link->get()};
    launch.keeper = keeper_->connection();
    Result<Process> process = spawn(launch);
    ASSERT_TRUE(process) << process.error().message();
    owner_ = std::move(*process);
    link->reset();
    pipe.write.reset();
    out_ = std::move(pipe.read);
    watch_lines(out_.get(), watched_, groups);
    ASSERT_GE(watched_.size(), 2 * static_cast<std::size_t>(groups));
  }

  void run_loop() {
    loop_.restart();
    loop_.run_for(std::chrono::milliseconds{kPatience});
  }

  async::Loop loop_;
  std::unique_ptr<Keeper> keeper_;
  Process owner_;
  Fd out_;
  Watched watched_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> gone_;
  bool lost_ = false;
  bool survivors_ = false;
};

TEST_F(KeeperTest, KillsAllGroupsOfADeadOwnerAndTellsOnlyThen) {
  start_keeper();
  start_owner();
  ::kill(owner_.pid, SIGKILL);
  wait_for(owner_);
  run_loop();
  ASSERT_EQ(gone_.size(), 1U);
  EXPECT_EQ(gone_.front().first, 7U);
  EXPECT_FALSE(survivors_) << "told before all were dead";
  EXPECT_TRUE(watched_.all_end());
}

TEST_F(KeeperTest, WaitsForAGroupThatDiesSlowly) {
  start_keeper();
  start_owner("fat-owner", 1);
  ::kill(owner_.pid, SIGKILL);
  wait_for(owner_);
  run_loop();
  ASSERT_EQ(gone_.size(), 1U);
  EXPECT_FALSE(survivors_) << "told before all were dead";
}

TEST_F(KeeperTest, SurvivesTheSignalsOfATerminal) {
  start_keeper();
  start_owner();
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP}) ::kill(keeper_->pid(), number);
  ::kill(owner_.pid, SIGKILL);
  wait_for(owner_);
  run_loop();
  EXPECT_EQ(gone_.size(), 1U);
  EXPECT_FALSE(lost_);
}

TEST_F(KeeperTest, IsMissedWhenKilled) {
  start_keeper();
  start_owner();
  ::kill(keeper_->pid(), SIGKILL);
  run_loop();
  EXPECT_TRUE(lost_);
  // Nothing can be started unregistered.
  Launch launch = shell("exit 0");
  launch.keeper = keeper_->connection();
  EXPECT_FALSE(spawn(launch));
  ::kill(owner_.pid, SIGKILL);
  wait_for(owner_);
  // The leaders died with their parent. The rest is what a keeper is for, so we do its work here.
  EXPECT_TRUE(watched_.any_group_runs());
  watched_.kill_groups();
  EXPECT_TRUE(watched_.all_end());
}

TEST_F(KeeperTest, ForgetsAGroupThatIsConfirmedDead) {
  start_keeper();
  Result<Fd> link = keeper_->add_owner(9);
  ASSERT_TRUE(link);
  Launch launch = shell("exit 0");
  launch.keeper = link->get();
  Result<Process> process = spawn(launch);
  ASSERT_TRUE(process);
  wait_for(*process);
  KeeperMessage dead{KeeperMessage::kDead, static_cast<std::uint32_t>(process->pid), 0};
  ASSERT_EQ(::send(link->get(), &dead, sizeof dead, 0), static_cast<ssize_t>(sizeof dead));
  link->reset();
  run_loop();
  ASSERT_EQ(gone_.size(), 1U);
  EXPECT_EQ(gone_.front(), (std::pair<std::uint32_t, std::uint32_t>{9, 0}));
}

TEST_F(KeeperTest, IgnoresGarbage) {
  start_keeper();
  Result<Fd> link = keeper_->add_owner(3);
  ASSERT_TRUE(link);
  const std::string garbage(5000, 'x');
  ::send(link->get(), garbage.data(), garbage.size(), 0);
  ::send(link->get(), garbage.data(), 1, 0);
  // Groups 0 and 1 would be its own group and everybody.
  for (const std::uint32_t group : {0U, 1U, 0xffffffffU}) {
    const KeeperMessage born{KeeperMessage::kBorn, group, 0};
    ::send(link->get(), &born, sizeof born, 0);
  }
  link->reset();
  run_loop();
  EXPECT_EQ(gone_.size(), 1U);
  EXPECT_FALSE(lost_);
}

TEST(KeeperAlone, ADeadSupervisorTakesEverythingWithIt) {
  for (int round = 0; round < 3; ++round) {
    Pipe pipe = make_pipe();
    Launch launch = self({"supervisor", std::to_string(kGroups)});
    set_variable(launch.environment, "COWORKER_RUN", "test-" + std::to_string(::getpid()));
    launch.fds = {-1, pipe.write.get(), 2};
    Result<Process> supervisor = spawn(launch);
    ASSERT_TRUE(supervisor) << supervisor.error().message();
    pipe.write.reset();
    Watched watched;
    // The stray has left the owner's groups by setsid; it has only the mark in its environment.
    EXPECT_THAT(watch_lines(pipe.read.get(), watched, kGroups + 3),
                ::testing::UnorderedElementsAre("keeper", "owner", "stray", "group", "group", "group"));
    ASSERT_EQ(watched.size(), 3 + kFamily * kGroups);
    ::kill(supervisor->pid, SIGKILL);
    wait_for(*supervisor);
    EXPECT_TRUE(watched.all_end()) << "something lives on";
    EXPECT_FALSE(watched.any_group_runs());
  }
}

}  // namespace
}  // namespace coworker::proc
