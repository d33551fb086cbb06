#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "async/loop.h"
#include "worker/conversation.h"
#include "worker/process_options.h"
#include "worker/worker.h"

namespace coworker::worker {

class PooledProcess;
class PipeExecution;

/// When a process of a pool is replaced; always between two jobs. Zero: never.
struct PoolLimits {
  std::size_t count = 1;       // processes at the same time
  std::uint64_t requests = 0;  // jobs that one does
  Millis lifetime{0};          // of one
  Millis idle{0};              // of one without work
  std::uint64_t memory = 0;    // bytes resident at its peak
};

/// Does jobs in long-lived processes, each of which takes one after another over descriptors of its own. What is said
/// there is the conversation's matter; docs/workers.md tells authors of workers about the usual one.
///
/// A process is started when a job has none. The oldest waiting job gets the first one that is free.
///
///   answered            ok or failed, as the answer says; what it printed meanwhile is in the job's log
///   it ends in mid-job  crashed. Only one that ends by itself before its first answer has failed: it cannot be told
///                       from a program that does not work at all
///   garbage             failed, and the process is killed
///   process timeout     SIGTERM to its group, SIGKILL after the grace: failed, unless it answered in that time
///   it dies idle        logged. After deaths without an answer the next start waits, from 0.1 s up to 30 s
class PipeWorker : public Worker {
 public:
  using Converse = std::function<std::unique_ptr<Conversation>()>;

  PipeWorker(async::Loop& loop, ProcessOptions options, PoolLimits limits, Converse converse);
  /// As close(); the processes end by themselves.
  ~PipeWorker() override;

  std::shared_ptr<Execution> start(Job job, Watcher watcher) override;

  /// The processes read the end of their input; SIGTERM after half the grace, SIGKILL after all of it.
  void close() override;

 private:
  friend class PooledProcess;
  friend class PipeExecution;

  void fill();
  PooledProcess* free_process();
  bool may_start() const;
  void drop(const std::shared_ptr<PipeExecution>& waiting);
  void works() { pause_ = Millis{0}; }
  void ended(PooledProcess* process, bool in_vain);

  async::Loop& loop_;
  ProcessOptions options_;
  PoolLimits limits_;
  Converse converse_;
  std::vector<std::shared_ptr<PooledProcess>> processes_;
  std::deque<std::shared_ptr<PipeExecution>> waiting_;
  bool closing_ = false;
  bool paused_ = false;
  Millis pause_{0};
  boost::asio::steady_timer pause_timer_;
};

}  // namespace coworker::worker
