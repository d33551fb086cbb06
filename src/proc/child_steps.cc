#include "proc/child_steps.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "proc/keeper_message.h"

// No sanitizer may instrument what runs between clone and exec: its run-time belongs to the parent's thread.
#if defined(__clang__)
#define CW_CHILD_CODE __attribute__((disable_sanitizer_instrumentation, no_sanitize("undefined"), noinline))
#else
#define CW_CHILD_CODE \
  __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined, no_stack_protector, noinline))
#endif

namespace coworker::proc {
namespace {

constexpr int kSignals = 64;
constexpr std::size_t kKernelSigset = 8;

CW_CHILD_CODE bool give_up(ChildPlan* plan, Step step, int error) {
  plan->failed = step;
  plan->error = error;
  return false;
}

CW_CHILD_CODE bool enter_group(ChildPlan* plan) {
  const long done = plan->session ? ::syscall(SYS_setsid) : ::syscall(SYS_setpgid, 0, 0);
  return done >= 0 || give_up(plan, Step::group, errno);
}

CW_CHILD_CODE bool register_group(ChildPlan* plan) {
  if (plan->keeper < 0) return true;
  KeeperMessage message;
  message.kind = KeeperMessage::kBorn;
  message.value = static_cast<std::uint32_t>(::syscall(SYS_getpid));
  long sent = -1;
  do {
    sent = ::syscall(SYS_sendto, plan->keeper, &message, sizeof message, MSG_NOSIGNAL, nullptr, 0);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0 || give_up(plan, Step::registration, errno);
}

CW_CHILD_CODE bool apply_limits(ChildPlan* plan) {
  for (std::size_t i = 0; i < plan->limit_count; ++i) {
    const LimitStep& limit = plan->limits[i];
    if (::syscall(SYS_prlimit64, 0, limit.resource, &limit.value, nullptr) < 0) {
      return give_up(plan, Step::limits, errno);
    }
  }
  return true;
}

CW_CHILD_CODE bool change_identity(ChildPlan* plan) {
  if (!plan->identity) return true;
  if (::syscall(SYS_setgroups, plan->group_count, plan->groups) < 0 ||
      ::syscall(SYS_setresgid, plan->group, plan->group, plan->group) < 0 ||
      ::syscall(SYS_setresuid, plan->user, plan->user, plan->user) < 0) {
    return give_up(plan, Step::identity, errno);
  }
  return true;
}

CW_CHILD_CODE bool tie_to_parent(ChildPlan* plan) {
  if (plan->parent == 0) return true;
  if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return give_up(plan, Step::parent_death, errno);
  // A parent that died before the prctl sends nothing any more.
  if (::syscall(SYS_getppid) != plan->parent) return give_up(plan, Step::parent_death, ESRCH);
  return true;
}

CW_CHILD_CODE void reset_signals() {
  // The kernel's struct sigaction: SIG_DFL, no flags, empty mask. Refusals (SIGKILL, SIGSTOP) do not matter.
  unsigned long action[4];
  for (unsigned long& word : action) {
    // Volatile: a plain loop becomes a call of memset, which sanitizers replace.
    *static_cast<volatile unsigned long*>(&word) = 0;
  }
  for (int number = 1; number <= kSignals; ++number) {
    ::syscall(SYS_rt_sigaction, number, action, nullptr, kKernelSigset);
  }
}

CW_CHILD_CODE bool lift(int* fd, std::size_t above) {
  if (*fd < 0 || static_cast<std::size_t>(*fd) >= above) return true;
  const long copy = ::syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, static_cast<int>(above));
  if (copy < 0) return false;
  *fd = static_cast<int>(copy);
  return true;
}

CW_CHILD_CODE bool place_descriptors(ChildPlan* plan) {
  const std::size_t count = plan->fd_count;
  // What stands below `count` is in the way of a target, so it is copied out first.
  if (!lift(&plan->program, count)) return give_up(plan, Step::descriptors, errno);
  for (std::size_t i = 0; i < count; ++i) {
    if (!lift(&plan->fds[i], count)) return give_up(plan, Step::descriptors, errno);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (::syscall(SYS_dup3, plan->fds[i], static_cast<int>(i), 0) < 0) {
      return give_up(plan, Step::descriptors, errno);
    }
  }
  if (::syscall(SYS_close_range, static_cast<unsigned>(count), ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
    return give_up(plan, Step::descriptors, errno);
  }
  return true;
}

CW_CHILD_CODE bool enter_directory(ChildPlan* plan) {
  if (plan->directory == nullptr) return true;
  return ::syscall(SYS_chdir, plan->directory) >= 0 || give_up(plan, Step::directory, errno);
}

CW_CHILD_CODE void execute(ChildPlan* plan) {
  const unsigned long empty_mask = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &empty_mask, nullptr, kKernelSigset);
  if (plan->program >= 0) {
    ::syscall(SYS_execveat, plan->program, "", plan->argv, plan->environment, AT_EMPTY_PATH);
    give_up(plan, Step::exec, errno);
    return;
  }
  int error = ENOENT;
  for (const char* const* path = plan->candidates; *path != nullptr; ++path) {
    ::syscall(SYS_execve, *path, plan->argv, plan->environment);
    const int reason = errno;
    // As execvp: a file that is not there or not allowed does not end the search, but is told in the end.
    if (reason == EACCES) {
      error = EACCES;
    } else if (reason != ENOENT && reason != ENOTDIR) {
      error = reason;
      break;
    }
  }
  give_up(plan, Step::exec, error);
}

}  // namespace

CW_CHILD_CODE int child_main(void* data) {
  auto* plan = static_cast<ChildPlan*>(data);
  if (enter_group(plan) && register_group(plan) && apply_limits(plan) && change_identity(plan) && tie_to_parent(plan)) {
    reset_signals();
    if (place_descriptors(plan) && enter_directory(plan)) execute(plan);
  }
  for (;;) ::syscall(SYS_exit_group, 127);
}

}  // namespace coworker::proc
