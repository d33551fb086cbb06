#pragma once

#include <memory>

#include "async/loop.h"
#include "async/threads.h"
#include "worker/hooks.h"
#include "worker/worker.h"

namespace coworker::worker {

/// Another worker with the program's hooks before and after each job. They run on a thread, the first one before the
/// worker is started; what they throw is logged.
class HookedWorker : public Worker {
 public:
  /// All outlive the worker.
  HookedWorker(async::Loop& loop, async::Threads& threads, const Hooks& hooks, std::unique_ptr<Worker> inner);

  std::shared_ptr<Execution> start(Job job, Watcher watcher) override;
  void close() override { inner_->close(); }

 private:
  async::Loop& loop_;
  async::Threads& threads_;
  const Hooks& hooks_;
  std::unique_ptr<Worker> inner_;
};

}  // namespace coworker::worker
