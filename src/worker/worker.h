#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "base/time.h"
#include "proc/certificate.h"
#include "worker/job.h"
#include "worker/report.h"

namespace coworker::worker {

/// A running attempt.
class Execution {
 public:
  virtual ~Execution() = default;

  /// Asks the worker to end, and ends it after `grace` where that is possible (a thread cannot be ended). The
  /// outcome comes as always. May be called again, with less grace.
  virtual void stop(proc::Killed why, Millis grace) = 0;
};

/// What an execution tells its owner.
struct Watcher {
  /// With 0: the worker's code is about to run; inline, on the calling thread, which may be any. Later, when it runs in
  /// processes, with their group.
  std::function<void(pid_t group)> on_start;
  /// What it says while it works. On the loop, between on_start and on_end.
  std::function<void(Report)> on_report;
  /// It is over, and nothing of it runs any more. Called once, on the loop.
  std::function<void(Outcome)> on_end;
  /// A worker in this process did not end within its time and its grace, and cannot be ended. On the loop.
  std::function<void()> on_stuck;
};

/// One way to do the work of a job. A worker knows nothing of stores, leases and retries.
///
/// Thread safety: the loop's thread. Must outlive its executions.
class Worker {
 public:
  virtual ~Worker() = default;

  virtual std::shared_ptr<Execution> start(Job job, Watcher watcher) = 0;

  /// No job comes any more: lets go of what is kept for the next one, and of the loop once that has ended. Not while
  /// an execution runs.
  virtual void close() {}
};

}  // namespace coworker::worker
