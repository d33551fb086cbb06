#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/time.h"
#include "proc/reap.h"

namespace coworker::proc {

/// Why we ended a process ourselves.
enum class Killed : std::uint8_t {
  no,               // we did not
  process_timeout,  // its attempt took too long
  stopped,          // we are stopping, and its grace period is over
  lease_lost,       // its job belongs to somebody else by now
  cancelled,        // its job was removed
};

/// What is known of the end of a process, and no more. Plain value.
struct Certificate {
  pid_t pid = 0;
  Exit exit;
  Killed killed = Killed::no;
  Millis limit{0};  // that was exceeded, for process_timeout
  Millis wall{0};
  Usage usage;
  bool peak_is_bound = false;      // the peak is at most usage.peak_memory, see describe()
  std::uint64_t memory_limit = 0;  // 0: none was set
  Seconds cpu_limit{0};
  std::string output;        // the last of what it wrote to standard output
  std::string error_output;  // the same of standard error

  /// The worker died: by a signal that we did not send.
  bool crashed() const noexcept { return exit.by_signal && killed == Killed::no; }

  /// One line: "SIGSEGV not sent by us after 120 ms; peak memory 14 MiB". Linux counts the memory of the
  /// process that started it into a child's peak, so a peak not above that is told as "at most".
  std::string describe() const;
};

}  // namespace coworker::proc
