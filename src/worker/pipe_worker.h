#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "async/loop.h"
#include "base/pauses.h"
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
  std::uint64_t memory = 0;    // bytes resident at the peak of the largest process of its group
  Millis start{0};             // from its start until it is ready; else it is killed
  std::size_t cleanup = 1;     // idle processes of other contexts that make room for one, at a time
};

/// Does jobs in long-lived processes, each of which takes one after another over descriptors of its own. What is said
/// there is the conversation's matter; docs/workers.md tells authors of workers about the usual one.
///
/// A process is started when a job has none, and serves jobs of that job's context only. The oldest waiting job gets
/// the first one of its context that is free; a job whose context has none does not hold up those behind it. Where
/// there is no place for another one, those that have been idle for longest make room.
///
///   answered            ok or failed, as the answer says; what it printed meanwhile is in the job's log
///   it ends in mid-job  crashed. Only one that ends by itself before its first answer has failed: it cannot be told
///                       from a program that does not work at all
///   garbage             failed, and the process is killed
///   process timeout     SIGTERM to its group, SIGKILL after the grace: failed, unless it answered in that time
///   it dies idle        logged. After deaths without an answer the next start waits, from 0.1 s up to 30 s, a fifth
///                       more or less
///   it is never ready   dead, garbled or too slow: the jobs that wait for it have failed, and were never started; so
///                       have those of a context that it refuses
class PipeWorker : public Worker {
 public:
  /// Makes the conversation for a new process of that context, and may change how it is started.
  using Converse = std::function<std::unique_ptr<Conversation>(const std::string& context, ProcessOptions& options)>;

  PipeWorker(async::Loop& loop, ProcessOptions options, PoolLimits limits, Converse converse);
  /// As close(); the processes end by themselves.
  ~PipeWorker() override;

  std::shared_ptr<Execution> start(Job job, Watcher watcher) override;

  /// The processes read the end of their input; SIGTERM after half the grace, SIGKILL after all of it. One that has a
  /// job does that first; jobs that wait are not begun, and wait to be stopped.
  void close() override;

  /// How many more jobs would be given to a process without waiting for the end of another job.
  std::size_t free_slots() const;

  /// Called when a process has ended, as there may be a free slot then; the last time when there is none any more.
  void on_change(std::function<void()> then) { on_change_ = std::move(then); }
  bool is_empty() const { return processes_.empty(); }

 private:
  friend class PooledProcess;
  friend class PipeExecution;

  void fill();
  bool fill_one();
  bool make_place(const std::string& context, std::size_t wanted);
  PooledProcess* free_process(const std::string& context) const;
  std::size_t places() const;
  void fail_waiting(const std::string& context, const Outcome& outcome);
  void drop(const std::shared_ptr<PipeExecution>& waiting);
  void works() { pauses_.reset(); }
  void ended(PooledProcess* process, bool in_vain);
  void pause();

  async::Loop& loop_;
  ProcessOptions options_;
  PoolLimits limits_;
  Converse converse_;
  std::vector<std::shared_ptr<PooledProcess>> processes_;
  std::deque<std::shared_ptr<PipeExecution>> waiting_;
  bool closing_ = false;
  bool paused_ = false;
  Pauses pauses_;
  boost::asio::steady_timer pause_timer_;
  std::function<void()> on_change_;
};

}  // namespace coworker::worker
