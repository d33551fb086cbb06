#include "proc/detach.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace coworker::proc {
namespace {

constexpr int kReady = 0;
constexpr int kFailed = 1;

/// In place of that descriptor, which is open afterwards in any case.
void use_null_device(int fd, int mode) {
  const Fd null{::open("/dev/null", mode | O_CLOEXEC)};
  if (null) ::dup2(null.get(), fd);
}

/// In the process that the user started.
[[noreturn]] void wait_until_ready(pid_t child, int daemon) {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  char byte = 0;
  ssize_t got = 0;
  while ((got = ::read(daemon, &byte, 1)) < 0 && errno == EINTR) {
  }
  ::_exit(got == 1 ? kReady : kFailed);
}

}  // namespace

Result<Detachment> Detachment::begin() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return fail_errno(errno, "detach");
  Fd starter{ends[0]};
  Fd daemon{ends[1]};
  // What is buffered must not be written by both.
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "detach");
  if (child > 0) {
    daemon.reset();
    wait_until_ready(child, starter.get());
  }
  // A session's leader would get the first terminal that it opens; its child cannot.
  if (::setsid() < 0) return fail_errno(errno, "make a session");
  const pid_t self = ::fork();
  if (self < 0) return fail_errno(errno, "detach");
  if (self > 0) ::_exit(kReady);
  Detachment detachment;
  detachment.starter_ = std::move(daemon);
  detachment.on_terminal_ = true;
  use_null_device(STDIN_FILENO, O_RDONLY);
  return detachment;
}

void Detachment::leave_terminal() {
  if (!on_terminal_) return;
  on_terminal_ = false;
  std::fflush(nullptr);
  use_null_device(STDOUT_FILENO, O_WRONLY);
  use_null_device(STDERR_FILENO, O_WRONLY);
}

void Detachment::ready() {
  leave_terminal();
  const char byte = kReady;
  // The starter may have been interrupted; that is no reason for us to end.
  if (starter_) ::send(starter_.get(), &byte, 1, MSG_NOSIGNAL);
  starter_.reset();
}

}  // namespace coworker::proc
