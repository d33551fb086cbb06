#include "proc/spawn.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/build.h"
#include "proc/strays.h"
#include "proc/testing.h"

namespace coworker::proc {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::Not;

/// Runs it with standard output to us; what it wrote.
std::string output_of(Launch launch, Exit* exit = nullptr) {
  Pipe pipe = make_pipe();
  launch.fds = {-1, pipe.write.get(), 2};
  Result<Process> process = spawn(launch);
  pipe.write.reset();
  if (!process) return "error: " + process.error().message();
  std::string text = read_all(pipe.read.get());
  const Ended ended = wait_for(*process);
  if (exit != nullptr) *exit = ended.exit;
  return text;
}

TEST(Spawn, PassesWordsAndEnvironmentExactly) {
  Launch launch;
  launch.argv = {"/bin/sh", "-c", "printf '%s|' \"$@\" \"$V\"", "sh", "a b", "", "'\"$x", "\n"};
  launch.environment = {"V=1=2"};
  EXPECT_EQ(output_of(launch), "a b||'\"$x|\n|1=2|");
}

TEST(Spawn, TellsExitCodeAndSignal) {
  Exit exit;
  output_of(shell("exit 7"), &exit);
  EXPECT_FALSE(exit.by_signal);
  EXPECT_EQ(exit.code, 7);
  output_of(shell("kill -SEGV $$"), &exit);
  EXPECT_TRUE(exit.by_signal);
  EXPECT_EQ(exit.code, SIGSEGV);
}

struct FailureCase {
  const char* name;
  void (*spoil)(Launch&);
  const char* want;
};

class SpawnFailure : public ::testing::TestWithParam<FailureCase> {};

TEST_P(SpawnFailure, NamesTheStepAndLeavesNoProcess) {
  Launch launch = shell("exit 0");
  GetParam().spoil(launch);
  const std::vector<pid_t> before = own_children();
  const Result<Process> process = spawn(launch);
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().message(), HasSubstr(GetParam().want));
  EXPECT_EQ(own_children(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Table, SpawnFailure,
    ::testing::Values(
        FailureCase{"NoProgram", [](Launch& l) { l.argv = {"/no/such/program"}; }, "exec '/no/such/program': No such"},
        FailureCase{"NotInPath", [](Launch& l) { l.argv = {"no-such-program"}, l.environment = {"PATH=/bin"}; },
                    "exec 'no-such-program': No such"},
        FailureCase{"NotExecutable", [](Launch& l) { l.argv = {"/etc/passwd"}; }, "exec '/etc/passwd': Permission"},
        FailureCase{"NoDirectory", [](Launch& l) { l.directory = "/no/such"; }, "enter the directory of '/bin/sh': No"},
        FailureCase{"BadDescriptor", [](Launch& l) { l.fds = {0, 1, 2, 4000}; }, "place the descriptors"},
        FailureCase{"DeadKeeper", [](Launch& l) { l.keeper = 4000; }, "register with the keeper"},
        FailureCase{"NoName", [](Launch& l) { l.argv = {}; }, "no name"},
        FailureCase{"NulByte", [](Launch& l) { l.argv.push_back(std::string(1, '\0')); }, "NUL"},
        FailureCase{"TooLong", [](Launch& l) { l.argv.push_back(std::string(200'000, 'x')); },
                    "Argument list too long"}),
    [](const auto& row) { return row.param.name; });

TEST(Spawn, SearchesThePathOfTheGivenEnvironment) {
  Launch launch;
  launch.argv = {"sh", "-c", "echo found"};
  launch.environment = {"PATH=/no/such:/etc/passwd:/bin"};
  EXPECT_EQ(output_of(launch), "found\n");
}

TEST(Spawn, LeadsItsOwnGroup) {
  EXPECT_EQ(output_of(shell("set -- $(cat /proc/$$/stat); test $1 = $5 && echo own")), "own\n");
}

TEST(Spawn, OwnSessionWhenAsked) {
  Launch launch = shell("set -- $(cat /proc/$$/stat); test $1 = $6 && echo own");
  EXPECT_EQ(output_of(launch), "");
  launch.grouping = Grouping::own_session;
  EXPECT_EQ(output_of(launch), "own\n");
}

TEST(Spawn, HandsOnNoDescriptorButTheNamedOnes) {
  // As a library would open them: without close-on-exec.
  const Fd leak{::open("/dev/null", O_RDONLY)};
  const Fd high{::fcntl(leak.get(), F_DUPFD, 500)};
  EXPECT_EQ(output_of(shell("i=0; while [ $i -lt 600 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i+1)); done")),
            "0\n1\n2\n");
}

TEST(Spawn, PlacesDescriptorsThatAreInEachOthersWay) {
  Pipe one = make_pipe();
  Pipe two = make_pipe();
  const int out = one.write.get();
  const int error = two.write.get();
  // Whatever their numbers are, the two and the standard ones go through each other.
  Launch launch = shell("echo a >&1; echo b >&2; echo c >&3; echo d >&4");
  launch.fds = {-1, error, out, error, out, 0, 1, 2, 3, 4, 5};
  for (std::size_t i = 5; i < launch.fds.size(); ++i) launch.fds[i] = i % 2 == 0 ? out : error;
  Result<Process> process = spawn(launch);
  ASSERT_TRUE(process) << process.error().message();
  one.write.reset();
  two.write.reset();
  EXPECT_EQ(read_all(one.read.get()), "b\nd\n");
  EXPECT_EQ(read_all(two.read.get()), "a\nc\n");
  wait_for(*process);
}

TEST(Spawn, StartsWithDefaultSignalsAndAnEmptyMask) {
  const auto before = ::signal(SIGUSR1, SIG_IGN);
  sigset_t blocked;
  sigset_t mask;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &mask);
  Launch launch;
  launch.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
  launch.environment = own_environment();
  EXPECT_EQ(output_of(launch), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  ::signal(SIGUSR1, before);
}

TEST(Spawn, SetsLimits) {
  Launch launch = shell("ulimit -d; ulimit -n; ulimit -t; ulimit -c");
  launch.limits.memory = 64 << 20;
  launch.limits.open_files = 77;
  launch.limits.cpu = Seconds{9};
  launch.limits.core = 0;
  EXPECT_EQ(output_of(launch), "65536\n77\n9\n0\n");
}

TEST(Spawn, ChangesIdentity) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  Launch launch = shell("id -u; id -g; id -G; grep -c . /proc/$$/status >/dev/null; pwd");
  launch.identity = Identity{65534, 65534, {65534, 12345}};
  launch.directory = "/";
  EXPECT_EQ(output_of(launch), "65534\n65534\n65534 12345\n/\n");
}

TEST(Spawn, RefusesAnIdentityItMayNotTake) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to lose it";
  Launch launch = self({"spawn-as-root"});
  launch.identity = Identity{65534, 65534, {}};
  EXPECT_THAT(output_of(launch), HasSubstr("change the identity of '/bin/sh': Operation not permitted"));
}

TEST(Spawn, DiesWithItsParentAlsoUnderAnotherIdentity) {
  for (const bool changed : {false, true}) {
    if (changed && ::geteuid() != 0) continue;
    Pipe pipe = make_pipe();
    Launch launch = self({"parent", changed ? "nobody" : "same"});
    launch.fds = {-1, pipe.write.get(), 2};
    Result<Process> parent = spawn(launch);
    ASSERT_TRUE(parent) << parent.error().message();
    pipe.write.reset();
    const Fd child = watch(std::atoi(read_line(pipe.read.get()).c_str()));
    ASSERT_TRUE(child);
    ::kill(parent->pid, SIGKILL);
    wait_for(*parent);
    EXPECT_TRUE(readable(child.get())) << "the child lives on";
  }
}

TEST(Spawn, SurvivesTheThreadThatAskedForIt) {
  Pipe pipe = make_pipe();
  Launch launch = shell("read line; echo \"$line\"");
  Pipe input = make_pipe();
  launch.fds = {input.read.get(), pipe.write.get(), 2};
  Result<Process> process = fail(Errc::internal, "not run");
  std::thread{[&] { process = spawn(launch); }}.join();
  ASSERT_TRUE(process) << process.error().message();
  pipe.write.reset();
  ASSERT_EQ(::write(input.write.get(), "alive\n", 6), 6);
  EXPECT_EQ(read_all(pipe.read.get()), "alive\n");
  EXPECT_TRUE(wait_for(*process).exit.clean());
}

TEST(Spawn, ServesManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<int> good(8);
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&good, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string word = std::to_string(t * 100 + static_cast<std::size_t>(i));
        if (output_of(shell("echo " + word)) == word + "\n") ++good[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, ::testing::Each(10));
}

TEST(Program, IsStartedFromItsDescriptorWithTheSameBuildId) {
  ASSERT_FALSE(build_id().empty());
  Exit exit;
  EXPECT_EQ(output_of(self({"build-id"}), &exit), build_id() + "\n");
  EXPECT_TRUE(exit.clean());
}

}  // namespace
}  // namespace coworker::proc
