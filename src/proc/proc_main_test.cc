#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/build.h"
#include "proc/detach.h"
#include "proc/keeper.h"
#include "proc/keeper_main.h"
#include "proc/pid_file.h"
#include "proc/program.h"
#include "proc/testing.h"

/// The test program is also the processes that its tests start; the first word says which.
namespace coworker::proc::testing {
namespace {

int say(const std::string& line) {
  return std::fputs((line + "\n").c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}

int stay() {
  for (;;) ::pause();
}

int spawn_as_root() {
  Launch launch = shell("exit 0");
  launch.identity = Identity{0, 0, {}};
  const Result<Process> process = spawn(launch);
  return say(process ? "started" : process.error().message());
}

/// Starts a child that waits for ever, tells its pid, and stays.
int parent(const std::string& who) {
  Launch launch = shell("exec sleep 1000");
  if (who == "nobody") launch.identity = Identity{65534, 65534, {}};
  launch.directory = "/";
  const Result<Process> process = spawn(launch);
  if (!process) return say(process.error().message());
  say(std::to_string(process->pid));
  return stay();
}

constexpr std::size_t kFatBytes = 512 << 20;
constexpr const char* kFamily = "sleep 1000 & sh -c 'sleep 1000 & echo group $PPID; wait' & wait";
constexpr const char* kStray = "setsid sh -c 'echo stray $$; exec sleep 1000'";

int start_owned(const char* text) {
  Launch launch = shell(text);
  launch.fds = {-1, 1, 2};
  launch.keeper = 3;
  const Result<Process> process = spawn(launch);
  return process ? 0 : say(process.error().message());
}

/// Starts groups with grandchildren, registered over descriptor 3; each tells its pgid on our standard output.
int owner(int groups, bool with_stray) {
  // A stray's leader is of a registered group; setsid forks since it leads one.
  if (with_stray) start_owned(kStray);
  for (int i = 0; i < groups; ++i) start_owned(kFamily);
  return stay();
}

/// Starts a keeper and an owner of `groups` groups, tells the keeper's and the owner's pid, and stays.
int supervisor(int groups) {
  async::Loop loop;
  Result<std::unique_ptr<Keeper>> keeper =
      Keeper::start(loop, self({"keeper"}), {[](std::uint32_t, std::uint32_t) {}, [] {}});
  if (!keeper) return say(keeper.error().message());
  Result<Fd> link = (*keeper)->add_owner(1);
  if (!link) return say(link.error().message());
  Launch launch = self({"owner-with-stray", std::to_string(groups)});
  launch.fds = {-1, 1, 2, link->get()};
  launch.keeper = (*keeper)->connection();
  const Result<Process> process = spawn(launch);
  if (!process) return say(process.error().message());
  link->reset();
  say(fmt::format("keeper {}", (*keeper)->pid()));
  say(fmt::format("owner {}", process->pid));
  return stay();
}

/// Has a child of the same group whose death takes a while: its memory is given back before it counts as dead. The
/// parent ends as soon as that memory is there, or tells it and stays.
int fat(bool stays) {
  int ready[2];
  if (::pipe(ready) != 0) return 1;
  if (::fork() == 0) {
    void* memory = ::mmap(nullptr, kFatBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED || ::write(ready[1], "x", 1) != 1) ::_exit(1);
    stay();
  }
  char byte = 0;
  if (::read(ready[0], &byte, 1) != 1) return 1;
  if (!stays) ::_exit(0);
  say(fmt::format("group {}", ::getpid()));
  return stay();
}

/// An owner of one such group.
int fat_owner() {
  Launch launch = self({"fat", "stay"});
  launch.fds = {-1, 1, 2};
  launch.keeper = 3;
  const Result<Process> process = spawn(launch);
  return process ? stay() : say(process.error().message());
}

/// Goes on in the background and tells who it is; `how` it starts: well, not at all, or by a signal.
int detach(const std::string& how) {
  const pid_t starter = ::getpid();
  Result<Detachment> detachment = Detachment::begin();
  if (!detachment) return 2;
  say(fmt::format("{} {:d} {:d} {:d}", ::getpid(), ::getppid() == starter, ::getsid(0) == ::getpid(),
                  starter == ::getpid()));
  if (how == "fail") return 5;
  if (how == "crash") ::kill(::getpid(), SIGKILL);
  detachment->leave_terminal("the log says why");
  if (how == "fail-later") return 5;
  detachment->ready();
  say("nobody hears this");
  return stay();
}

/// Takes a pid file, tells whether it has it, and stays or hands it to its child.
int hold(const std::string& path) {
  Result<PidFile> file = PidFile::take(path);
  if (!file) return say(file.error().message());
  if (Result<> written = file->write(); !written) return say(written.error().message());
  say("held");
  return stay();
}

int run(const std::string& word, const std::string& argument) {
  if (word == "detach") return detach(argument);
  if (word == "hold") return hold(argument);
  if (word == "build-id") return say(build_id());
  if (word == "spawn-as-root") return spawn_as_root();
  if (word == "parent") return parent(argument);
  if (word == "fat") return fat(argument == "stay");
  if (word == "fat-owner") return fat_owner();
  if (word == "keeper") return keeper_main(3);
  if (word == "owner") return owner(std::atoi(argument.c_str()), false);
  if (word == "owner-with-stray") return owner(std::atoi(argument.c_str()), true);
  if (word == "supervisor") return supervisor(std::atoi(argument.c_str()));
  return -1;
}

}  // namespace
}  // namespace coworker::proc::testing

int main(int argc, char** argv) {
  if (argc > 1) {
    const int code = coworker::proc::testing::run(argv[1], argc > 2 ? argv[2] : "");
    if (code >= 0) return code;
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
