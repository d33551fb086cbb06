#include "proc/detach.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace coworker::proc {
namespace {

constexpr char kReady = '\0';

/// In place of that descriptor, which is open afterwards in any case.
void use_null_device(int fd, int mode) {
  const Fd null{::open("/dev/null", mode | O_CLOEXEC)};
  if (null) ::dup2(null.get(), fd);
}

/// In the process that the user started.
[[noreturn]] void wait_until_ready(pid_t child, int daemon) {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::string last_word;
  char bytes[256];
  for (ssize_t got = 0; (got = ::read(daemon, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR);) {
    if (got > 0) last_word.append(bytes, static_cast<std::size_t>(got));
    if (last_word.ends_with(kReady)) ::_exit(0);
  }
  std::fputs(last_word.c_str(), stderr);
  std::fflush(stderr);
  ::_exit(1);
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
  if (self > 0) ::_exit(0);
  Detachment detachment;
  detachment.starter_ = std::move(daemon);
  detachment.on_terminal_ = true;
  use_null_device(STDIN_FILENO, O_RDONLY);
  return detachment;
}

void Detachment::leave_terminal(std::string_view last_word) {
  if (!on_terminal_) return;
  on_terminal_ = false;
  std::fflush(nullptr);
  ::send(starter_.get(), last_word.data(), last_word.size(), MSG_NOSIGNAL);
  use_null_device(STDOUT_FILENO, O_WRONLY);
  use_null_device(STDERR_FILENO, O_WRONLY);
}

void Detachment::ready() {
  leave_terminal();
  // The starter may have been interrupted; that is no reason for us to end.
  if (starter_) ::send(starter_.get(), &kReady, 1, MSG_NOSIGNAL);
  starter_.reset();
}

}  // namespace coworker::proc
