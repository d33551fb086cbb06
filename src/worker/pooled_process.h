#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "worker/line_process.h"
#include "worker/pipe_worker.h"

namespace coworker::worker {

/// A job of a pool: waiting for a process, or given to one.
class PipeExecution : public Execution, public std::enable_shared_from_this<PipeExecution> {
 public:
  PipeExecution(PipeWorker& pool, Job job, Watcher watcher)
      : pool_{pool}, job_{std::move(job)}, watcher_{std::move(watcher)} {}

  void stop(proc::Killed why, Millis grace) override;

  const Job& job() const { return job_; }
  void started(pid_t group) {
    if (watcher_.on_start) watcher_.on_start(group);
  }
  void report(Report report) { watcher_.on_report(std::move(report)); }
  void end(Outcome outcome);
  void given_to(PooledProcess* process) { process_ = process; }

 private:
  PipeWorker& pool_;
  Job job_;
  Watcher watcher_;
  PooledProcess* process_ = nullptr;
  bool over_ = false;
};

/// A process of a pool with the job it has. Lives until its group is dead; tells the pool then.
class PooledProcess : public std::enable_shared_from_this<PooledProcess> {
 public:
  PooledProcess(PipeWorker& pool, std::string context, std::unique_ptr<Conversation> conversation);

  void start(const ProcessOptions& options);
  const std::string& context() const { return context_; }
  bool is_free() const { return !job_ && !retired_ && conversation_->is_ready(); }
  bool is_coming() const { return !job_ && !retired_ && !conversation_->is_ready(); }
  bool is_leaving() const { return !job_ && retired_; }
  std::chrono::steady_clock::time_point idle_since() const { return idle_since_; }
  /// Requires that it is free.
  void give(std::shared_ptr<PipeExecution> job);
  void stop_job(proc::Killed why, Millis grace);
  /// Takes no more jobs and ends, after the one that it has.
  void retire();
  /// The pool ends before it.
  void leave_pool();

 private:
  using Clock = std::chrono::steady_clock;

  void heard(std::string_view line);
  void became_ready();
  void refused(Outcome outcome);
  void printed(std::string_view line);
  void reported(Report report);
  void answered(Outcome outcome);
  void broken(Outcome outcome);
  void ended(Result<proc::Certificate> end);
  Outcome outcome_at_end(Result<proc::Certificate> end);
  Outcome outcome_of_start(Result<proc::Certificate> end);
  bool is_used_up();
  std::uint64_t peak();
  void expect(Millis delay);
  void arm();
  void on_timer();
  void wait_idle();

  PipeWorker* pool_;
  const std::string context_;
  const PoolLimits limits_;
  const Millis grace_;
  std::unique_ptr<Conversation> conversation_;
  std::shared_ptr<LineProcess> process_;
  std::shared_ptr<PipeExecution> job_;
  std::optional<Outcome> answer_;  // of the job, while its process is being ended
  Clock::time_point born_ = Clock::now();
  Clock::time_point idle_since_ = born_;
  std::uint64_t answers_ = 0;
  std::vector<pid_t> members_;  // of its group, when it was looked at last
  Clock::time_point looked_ = Clock::time_point::min();
  proc::Killed killed_ = proc::Killed::no;
  bool was_ready_ = false;
  bool retired_ = false;
  bool garbled_ = false;  // it said what makes no sense; `answer_` has the reason
  // One wait at a time, for the nearest deadline at the time it was armed: a job that ends in time costs no timer.
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point armed_ = Clock::time_point::max();
  boost::asio::steady_timer timer_;
};

}  // namespace coworker::worker
