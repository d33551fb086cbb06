#pragma once

#include "async/loop.h"
#include "async/threads.h"
#include "worker/registry.h"
#include "worker/worker.h"

namespace coworker::worker {

/// Does a job by calling a C++ function on a thread of this process. At the job's process timeout, and at a stop, the
/// function is asked to return through its stop token; a thread cannot be ended, so one that does not return within the
/// grace is told to the owner as stuck. A result that comes late is still a result.
class InlineWorker : public Worker {
 public:
  /// All three outlive the worker.
  InlineWorker(async::Loop& loop, async::Threads& threads, const Handler& handler, Millis grace);

  std::shared_ptr<Execution> start(Job job, Watcher watcher) override;

 private:
  async::Loop& loop_;
  async::Threads& threads_;
  const Handler& handler_;
  Millis grace_;
};

}  // namespace coworker::worker
