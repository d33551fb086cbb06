#include "proc/reap.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "proc/children.h"

namespace coworker::proc {
namespace {

Millis millis(const timeval& time) {
  return Millis{static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_usec / 1000};
}

}  // namespace

Result<std::optional<Ended>> reap(int pidfd) {
  siginfo_t info{};
  rusage used{};
  long done = -1;
  do {
    // The C library's waitid does not pass on the usage.
    done = ::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG, &used);
  } while (done < 0 && errno == EINTR);
  if (done < 0) return fail_errno(errno, "wait for a process");
  if (info.si_pid == 0) return std::optional<Ended>{};
  Children::of_this_process().forget(info.si_pid);
  Ended ended;
  ended.exit.by_signal = info.si_code != CLD_EXITED;
  ended.exit.dumped = info.si_code == CLD_DUMPED;
  ended.exit.code = info.si_status;
  ended.usage.user = millis(used.ru_utime);
  ended.usage.system = millis(used.ru_stime);
  ended.usage.peak_memory = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  return std::optional<Ended>{ended};
}

Result<> send_signal(int pidfd, int number) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) < 0 && errno != ESRCH) {
    return fail_errno(errno, std::string{"send "} + signal_name(number));
  }
  return {};
}

const char* signal_name(int number) {
  // sigabbrev_np has no prefix; these texts live as long as the program.
  static const auto names = [] {
    std::array<std::string, NSIG> table;
    for (int i = 0; i < NSIG; ++i) {
      const char* short_name = ::sigabbrev_np(i);
      table[static_cast<std::size_t>(i)] =
          short_name != nullptr ? std::string{"SIG"} + short_name : "signal " + std::to_string(i);
    }
    return table;
  }();
  return number > 0 && number < NSIG ? names[static_cast<std::size_t>(number)].c_str() : "an unknown signal";
}

}  // namespace coworker::proc
