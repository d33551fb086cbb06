#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "proc/program.h"
#include "proc/reap.h"
#include "proc/spawn.h"

/// For tests of processes: what they start is this test program again, with a word, or a shell.
namespace coworker::proc::testing {

inline constexpr int kPatience = 20'000;  // ms that a test waits for an event before it fails

struct Pipe {
  Fd read;
  Fd write;
};

inline Pipe make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return {};
  return Pipe{Fd{ends[0]}, Fd{ends[1]}};
}

inline bool readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, kPatience) == 1;
}

/// Up to the end, or to what came before patience ended.
inline std::string read_all(int fd) {
  std::string text;
  char part[4096];
  while (readable(fd)) {
    const ssize_t got = ::read(fd, part, sizeof part);
    if (got <= 0) break;
    text.append(part, static_cast<std::size_t>(got));
  }
  return text;
}

/// Without its newline.
inline std::string read_line(int fd) {
  std::string text;
  char c = 0;
  while (readable(fd) && ::read(fd, &c, 1) == 1 && c != '\n') text += c;
  return text;
}

inline Fd watch(pid_t pid) {
  return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

/// Waits for the end of our own child.
inline Ended wait_for(const Process& process) {
  readable(process.pidfd.get());
  Result<std::optional<Ended>> end = reap(process.pidfd.get());
  return end && *end ? **end : Ended{Exit{true, -1, false}, {}};
}

inline Launch shell(const std::string& text) {
  Launch launch;
  launch.argv = {"/bin/sh", "-c", text};
  launch.environment = own_environment();
  return launch;
}

/// This test program with a word; see proc_main_test.cc.
inline Launch self(std::vector<std::string> words) {
  Launch launch;
  launch.argv = {"proc_test"};
  launch.argv.insert(launch.argv.end(), words.begin(), words.end());
  launch.program = own_program().value_or(-1);
  launch.environment = own_environment();
  return launch;
}

}  // namespace coworker::proc::testing
