#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>

#include "base/error.h"
#include "base/fd.h"
#include "proc/launch.h"

namespace coworker::proc {

/// A process that was started and has not been reaped. Leads its own process group (pgid == pid).
struct Process {
  pid_t pid = 0;
  Fd pidfd;  // readable once it has ended
  std::chrono::steady_clock::time_point started{};
};

/// Starts a program; returns once it executes. The error of any step on the way comes back with the
/// step's name ("exec 'php': No such file or directory") and leaves no process behind.
///
/// Processes are started by threads that live as long as this process, because the kernel sends the parent-death signal
/// when the starting *thread* ends: by the main one if it asks, else by one kept for that. Costs about what vfork and
/// exec cost: the memory of this process is shared with the child until exec, never copied.
///
/// Thread safety: any thread. Blocks for the time of an exec.
Result<Process> spawn(const Launch& launch);

/// The same without blocking. `done` is called on the spawning thread and must only hand the result on.
/// Descriptors named in the launch stay open until then.
void spawn_async(Launch launch, std::function<void(Result<Process>)> done);

}  // namespace coworker::proc
