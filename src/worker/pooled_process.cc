#include "worker/pooled_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <fstream>

#include "base/log.h"
#include "proc/group.h"
#include "worker/ending.h"

namespace coworker::worker {
namespace {

constexpr std::chrono::seconds kLookPause{1};  // a walk through all processes costs milliseconds

/// Bytes resident at its peak; 0 when that is not known.
std::uint64_t peak_of(pid_t pid) {
  std::ifstream status{fmt::format("/proc/{}/status", pid)};
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    std::uint64_t kibi = 0;
    status >> kibi;
    return kibi * 1024;
  }
  return 0;
}

}  // namespace

// ---- the job ------------------------------------------------------------------------------------

void PipeExecution::stop(proc::Killed why, Millis grace) {
  if (over_) return;
  if (process_ != nullptr) return process_->stop_job(why, grace);
  over_ = true;
  const std::shared_ptr<PipeExecution> self = shared_from_this();
  pool_.drop(self);
  boost::asio::post(pool_.loop_, [self] {
    Outcome outcome;
    outcome.kind = Outcome::Kind::stopped;
    outcome.reason = "stopped before it was begun";
    self->end(std::move(outcome));
  });
}

void PipeExecution::end(Outcome outcome) {
  over_ = true;
  process_ = nullptr;
  const auto on_end = std::move(watcher_.on_end);
  watcher_ = {};
  on_end(std::move(outcome));
}

// ---- the process --------------------------------------------------------------------------------

PooledProcess::PooledProcess(PipeWorker& pool, std::string context, std::unique_ptr<Conversation> conversation)
    : pool_{&pool},
      context_{std::move(context)},
      limits_{pool.limits_},
      grace_{pool.options_.grace},
      conversation_{std::move(conversation)},
      timer_{pool.loop_} {}

void PooledProcess::start(const ProcessOptions& process) {
  LineProcess::Options options;
  options.input = LineProcess::Input::pipe;
  options.on_standard = process.on_standard;
  options.child = child_of(process);
  if (!process.on_standard) {
    proc::set_variable(options.child.launch.environment, "COWORKER_IN", "/dev/fd/3");
    proc::set_variable(options.child.launch.environment, "COWORKER_OUT", "/dev/fd/4");
  }
  LineProcess::Events events;
  const std::shared_ptr<PooledProcess> self = shared_from_this();
  events.on_start = [self](pid_t pid) {
    if (self->job_) self->job_->started(pid);
  };
  events.on_line = [self](std::string_view line) { self->heard(line); };
  events.on_print = [self](std::string_view line) { self->printed(line); };
  events.on_too_long = [self] { self->broken(Outcome::failed("the worker's reply is too long")); };
  events.on_end = [self](Result<proc::Certificate> end) { self->ended(std::move(end)); };
  process_ = LineProcess::start(pool_->loop_, std::move(options), std::move(events));
  process_->send(conversation_->greeting());
  was_ready_ = conversation_->is_ready();
  if (!was_ready_ && limits_.start > Millis{0}) expect(limits_.start);
}

void PooledProcess::give(std::shared_ptr<PipeExecution> job) {
  Result<std::string> request = conversation_->request(job->job());
  if (!request) {
    Outcome outcome = Outcome::failed(request.error().message());
    return job->end(std::move(outcome));
  }
  job_ = std::move(job);
  job_->given_to(this);
  // Also when it does not execute yet: a start that nobody saw must not look like none.
  job_->started(process_->pid());
  process_->send(std::move(*request));
  deadline_ = Clock::time_point::max();
  if (job_->job().process_timeout > Millis{0}) expect(job_->job().process_timeout);
}

void PooledProcess::heard(std::string_view line) {
  Heard heard = conversation_->hear(line);
  if (!heard.send.empty()) process_->send(std::move(heard.send));
  if (!was_ready_ && conversation_->is_ready()) became_ready();
  switch (heard.kind) {
    case Heard::Kind::nothing:
      if (pool_ != nullptr && is_free()) pool_->fill();
      return;
    case Heard::Kind::report:
      return reported(std::move(heard.report));
    case Heard::Kind::answer:
      if (!heard.report.text.empty()) reported(std::move(heard.report));
      return answered(std::move(heard.outcome));
    case Heard::Kind::garbage:
      return broken(std::move(heard.outcome));
    case Heard::Kind::refusal:
      return refused(std::move(heard.outcome));
  }
}

void PooledProcess::became_ready() {
  was_ready_ = true;
  idle_since_ = Clock::now();
  deadline_ = Clock::time_point::max();
  wait_idle();
}

void PooledProcess::refused(Outcome outcome) {
  if (pool_ == nullptr) return;
  retire();
  pool_->fail_waiting(context_, outcome);
}

void PooledProcess::printed(std::string_view line) {
  reported(log_line(line));
}

void PooledProcess::reported(Report report) {
  if (job_) return job_->report(std::move(report));
  if (report.text.empty()) return;
  log::info(fmt::format("worker process {}: {}", process_ ? process_->pid() : 0, report.text));
}

void PooledProcess::answered(Outcome outcome) {
  if (!job_ || garbled_) return;
  ++answers_;
  if (killed_ != proc::Killed::no) {
    answer_ = std::move(outcome);
    return;
  }
  const std::shared_ptr<PipeExecution> job = std::move(job_);
  job_ = nullptr;
  idle_since_ = Clock::now();
  deadline_ = Clock::time_point::max();
  if (retired_) {
    expect(grace_ / 2);
  } else if (is_used_up() || pool_ == nullptr) {
    retire();
  } else {
    wait_idle();
  }
  if (pool_ != nullptr) pool_->works();
  job->end(std::move(outcome));
  if (pool_ != nullptr) pool_->fill();
}

void PooledProcess::broken(Outcome outcome) {
  if (garbled_) return;
  log::warning(fmt::format("worker process {} is killed: {}", process_->pid(), outcome.reason));
  garbled_ = true;
  retired_ = true;
  answer_ = std::move(outcome);
  process_->stop(proc::Killed::stopped, Millis{0});
}

/// Of the largest process in its group: what was started may be a shell that waits for the program.
std::uint64_t PooledProcess::peak() {
  if (looked_ == Clock::time_point::min() || Clock::now() - looked_ > kLookPause) {
    members_ = proc::running_members(process_->pid());
    looked_ = Clock::now();
  }
  std::uint64_t most = 0;
  for (const pid_t pid : members_) most = std::max(most, peak_of(pid));
  return most;
}

bool PooledProcess::is_used_up() {
  if (limits_.requests > 0 && answers_ + conversation_->requests_before() >= limits_.requests) return true;
  if (limits_.lifetime > Millis{0} && Clock::now() - born_ >= limits_.lifetime) return true;
  return limits_.memory > 0 && peak() > limits_.memory;
}

void PooledProcess::wait_idle() {
  if (limits_.idle > Millis{0}) expect(limits_.idle);
  if (limits_.lifetime == Millis{0}) return;
  const auto left = std::chrono::ceil<Millis>(born_ + limits_.lifetime - Clock::now());
  if (limits_.idle == Millis{0} || left < limits_.idle) expect(std::max(left, Millis{1}));
}

void PooledProcess::retire() {
  if (retired_) return;
  retired_ = true;
  if (!process_) return;
  process_->close_input();
  if (!job_) expect(grace_ / 2);
}

void PooledProcess::leave_pool() {
  pool_ = nullptr;
  if (!job_) retire();
}

void PooledProcess::stop_job(proc::Killed why, Millis grace) {
  if (killed_ == proc::Killed::no) killed_ = why;
  retired_ = true;
  process_->stop(why, grace);
}

void PooledProcess::expect(Millis delay) {
  deadline_ = Clock::now() + delay;
  if (deadline_ < armed_) arm();
}

void PooledProcess::arm() {
  armed_ = deadline_;
  timer_.expires_at(armed_);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->on_timer();
  });
}

void PooledProcess::on_timer() {
  armed_ = Clock::time_point::max();
  if (deadline_ == Clock::time_point::max() || !process_) return;
  if (Clock::now() < deadline_) return arm();
  deadline_ = Clock::time_point::max();
  if (job_) {
    stop_job(proc::Killed::process_timeout, grace_);
  } else if (!was_ready_ && !retired_) {
    broken(Outcome::failed(fmt::format("it was not ready within {} ms", limits_.start.count())));
  } else if (retired_) {
    process_->stop(proc::Killed::stopped, grace_ - grace_ / 2);
  } else {
    retire();
  }
}

Outcome PooledProcess::outcome_at_end(Result<proc::Certificate> end) {
  if (end && killed_ == proc::Killed::process_timeout) end->limit = job_->job().process_timeout;
  if (garbled_) {
    if (end) answer_->certificate = std::move(*end);
    return std::move(*answer_);
  }
  if (answer_) return outcome_with_answer(std::move(*answer_), std::move(end));
  const bool by_itself = end && !end->exit.by_signal;
  Outcome outcome = outcome_without_answer(std::move(end));
  if (outcome.kind == Outcome::Kind::crashed && by_itself && answers_ == 0) outcome.kind = Outcome::Kind::failed;
  return outcome;
}

Outcome PooledProcess::outcome_of_start(Result<proc::Certificate> end) {
  Outcome outcome = garbled_ ? std::move(*answer_) : Outcome::failed("");
  if (!garbled_) {
    const std::string reason = outcome_of(end).reason;
    outcome.reason = "ended before it was ready: " + (reason.empty() ? "exit code 0" : reason);
  }
  if (const std::string said = conversation_->not_understood(); !said.empty())
    outcome.reason += "; it printed: " + said;
  if (end) outcome.certificate = std::move(*end);
  return outcome;
}

void PooledProcess::ended(Result<proc::Certificate> end) {
  timer_.cancel();
  process_.reset();
  const bool unasked = !retired_;
  const bool never_ready = !was_ready_ && (unasked || garbled_);
  if (unasked && was_ready_ && !job_) {
    log::warning(fmt::format("a waiting worker process ended: {}", end ? end->describe() : end.error().message()));
  }
  if (pool_ != nullptr) pool_->ended(this, never_ready || (unasked && answers_ == 0));
  if (never_ready && pool_ != nullptr) {
    pool_->fail_waiting(context_, outcome_of_start(std::move(end)));
  } else if (job_) {
    Outcome outcome = outcome_at_end(std::move(end));
    const std::shared_ptr<PipeExecution> job = std::move(job_);
    job->end(std::move(outcome));
  }
  if (pool_ == nullptr) return;
  pool_->fill();
  if (pool_ != nullptr && pool_->on_change_) pool_->on_change_();
}

}  // namespace coworker::worker
