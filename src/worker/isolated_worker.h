#pragma once

#include "async/loop.h"
#include "worker/process_options.h"
#include "worker/registry.h"
#include "worker/worker.h"

namespace coworker::worker {

/// Does a job by calling a C++ function in a fresh process of this very program, which is told by its command line to
/// call run_isolated(). Means the same as inline, but a crash is nobody else's, and what does not return is killed.
///
///   descriptor 3   the job, as json_request() writes it
///   descriptor 4   reports and the answer
///   outputs        lines of the job's log
///   environment    as for a command
class IsolatedWorker : public Worker {
 public:
  IsolatedWorker(async::Loop& loop, ProcessOptions options);

  std::shared_ptr<Execution> start(Job job, Watcher watcher) override;

 private:
  async::Loop& loop_;
  ProcessOptions options_;
};

/// The whole life of such a process; its exit code.
int run_isolated(const Handler& handler);

}  // namespace coworker::worker
