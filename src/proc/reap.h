#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/time.h"

namespace coworker::proc {

/// How a process ended.
struct Exit {
  bool by_signal = false;
  int code = 0;  // the exit code, or the signal's number
  bool dumped = false;

  bool clean() const noexcept { return !by_signal && code == 0; }
};

/// What it used, its own reaped children included.
struct Usage {
  Millis user{0};
  Millis system{0};
  std::uint64_t peak_memory = 0;  // bytes resident
};

struct Ended {
  Exit exit;
  Usage usage;
};

/// Takes the end of a child off the kernel, after which its pid may be used again; nullopt: it still runs.
/// Never blocks.
Result<std::optional<Ended>> reap(int pidfd);

/// Sends to the process itself, not to its group. A process that has ended is no error.
Result<> send_signal(int pidfd, int number);

/// "SIGKILL"; "signal 77" for those without a name.
const char* signal_name(int number);

}  // namespace coworker::proc
