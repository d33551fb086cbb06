#include <poll.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "service/consumer.h"
#include "service/fault_mark.h"

/// The part of Consumer that runs jobs: from the slot to the answer.
namespace coworker::service {
namespace {

using Kind = worker::Outcome::Kind;

EventKind kind_of(Kind kind) {
  switch (kind) {
    case Kind::ok:
      return EventKind::done;
    case Kind::failed:
      return EventKind::failed;
    case Kind::crashed:
      return EventKind::crashed;
    case Kind::stopped:
      break;
  }
  return EventKind::released;
}

}  // namespace

/// A suspect runs alone among the inline jobs; nothing inline overtakes one that waits.
bool Consumer::may_start(const Running& running) const {
  if (!running.is_inline) return true;
  return running.suspect ? inline_running_ == 0 : suspects_running_ == 0;
}

void Consumer::start_waiting() {
  bool held_back = false;
  for (std::size_t i = 0; i < waiting_.size();) {
    const Running& running = running_.at(waiting_[i]);
    if (running.lost) {
      parts_.page->free(running.slot);
      running_.erase(waiting_[i]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    if (started_ >= group_.job_batch) return;
    if ((running.is_inline && held_back) || !may_start(running)) {
      held_back = true;
      ++i;
      continue;
    }
    const Id id = waiting_[i];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    begin(id);
  }
}

void Consumer::begin(Id id) {
  Running& running = running_.at(id);
  ++started_;
  if (running.is_inline) ++inline_running_;
  if (running.suspect) ++suspects_running_;
  PageSlot& slot = parts_.page->slot(running.slot);
  if (running.is_inline) slot.flags.fetch_or(PageSlot::kInline);
  worker::Watcher watcher;
  watcher.on_start = [&slot, is_inline = running.is_inline](pid_t group) {
    slot.group = group;
    slot.state.store(Hold::started, std::memory_order_release);
    // Also for threads that run hooks: none may bear the mark of its last job.
    set_fault_flags(is_inline ? &slot.flags : nullptr);
  };
  watcher.on_report = [this, id](const worker::Report& report) { reported(id, report); };
  watcher.on_end = [this, id](worker::Outcome outcome) {
    on_end(id, std::move(outcome));
    start_waiting();
    claim();
    check_stopped();
  };
  watcher.on_stuck = [this, &slot] {
    if (!stopping_) slot.flags.fetch_or(PageSlot::kOverdue);
    events_.on_stuck();
  };
  tell(running, EventKind::started, {});
  const std::uint32_t queue = running.attempt.queue;
  if (parts_.registry->hooks().any()) running.kept = std::make_shared<const worker::Job>(running.job);
  worker::Job job = std::move(running.job);
  running.execution = workers_[queue]->start(std::move(job), std::move(watcher));
}

Event Consumer::event_of(const Attempt& attempt, const Original& original, EventKind kind) const {
  const QueueConfig& queue = parts_.config->queues[attempt.queue];
  Event event;
  event.kind = kind;
  event.job = attempt.job.id;
  event.original = original.id;
  event.queue = queue.name;
  event.attempt = attempt.retries + 1;
  event.worker = to_string(queue.worker.kind);
  if (parts_.log->with_bodies()) event.body = original.envelope.body;
  return event;
}

void Consumer::tell(const Running& running, EventKind kind, const std::string& reason) const {
  if (!parts_.log->wants(kind)) return;
  Event event = event_of(running.attempt, *running.original, kind);
  event.pid = parts_.page->slot(running.slot).group;
  event.reason = reason;
  parts_.log->tell(std::move(event));
}

void Consumer::reported(Id id, const worker::Report& report) {
  const Running& running = running_.at(id);
  Event event = event_of(running.attempt, *running.original, EventKind::progress);
  event.pid = parts_.page->slot(running.slot).group;
  event.progress = report.progress;
  event.text = report.text;
  parts_.log->tell(std::move(event));
}

void Consumer::on_end(Id id, worker::Outcome outcome) {
  const auto entry = running_.find(id);
  Running running = std::move(entry->second);
  running_.erase(entry);
  --started_;
  if (running.is_inline) --inline_running_;
  if (running.suspect) --suspects_running_;
  parts_.page->count_ended();
  if (running.suspect) parts_.suspects->clear(static_cast<std::uint64_t>(running.attempt.job.id.key));
  if (running.lost) {
    tell_end(running, running.cancelled ? EventKind::cancelled : EventKind::lost, outcome, {});
    return parts_.page->free(running.slot);
  }
  // Not started for want of a keeper: not the job's fault.
  if (outcome.kind == Kind::failed && !outcome.certificate && !running.is_inline && !keeper_lives()) {
    outcome.kind = Kind::stopped;
  }
  const bool good = outcome.kind == Kind::ok;
  if (outcome.kind != Kind::stopped) {
    parts_.page->slot(running.slot).state.store(good ? Hold::done : Hold::failed, std::memory_order_release);
  }
  const QueueConfig& queue = parts_.config->queues[running.attempt.queue];
  Decision decision = decide(outcome.kind, outcome.reason, running.attempt, queue, wall_millis() / 1000, roll());
  const bool asks = queue.failure_strategy == FailureStrategy::own && decision.action == Decision::Action::retry;
  if (!asks) return finish(std::move(running), outcome, std::move(decision));
  ask_strategy(std::move(running), std::move(outcome), std::move(decision));
}

/// User code, so it runs on a thread; the job stays among those whose leases are renewed.
void Consumer::ask_strategy(Running running, worker::Outcome outcome, Decision decision) {
  const QueueConfig& queue = parts_.config->queues[running.attempt.queue];
  const auto strategy = parts_.registry->hooks().strategies.find(queue.own_strategy);
  if (strategy == parts_.registry->hooks().strategies.end()) return finish(std::move(running), outcome, decision);
  running.execution.reset();
  const worker::Failure failure = failure_of(running, outcome);
  const std::shared_ptr<const worker::Job> kept = running.kept;
  const Id id = next_id_++;
  running_.emplace(id, std::move(running));
  auto guard = boost::asio::make_work_guard(loop_);
  threads_.run([this, id, kept, failure, guard = std::move(guard), outcome = std::move(outcome),
                decision = std::move(decision), &ask = strategy->second]() mutable {
    set_fault_flags(nullptr);
    try {
      const worker::Again again = ask(failure);
      decision.action = again ? Decision::Action::retry : Decision::Action::bury;
      if (again) decision.delay = std::max(*again, Millis{0});
    } catch (...) {
      worker::log_thrown("failure_strategy");
    }
    boost::asio::post(loop_, [this, id, outcome = std::move(outcome), decision = std::move(decision)]() mutable {
      const auto entry = running_.find(id);
      Running asked = std::move(entry->second);
      running_.erase(entry);
      finish(std::move(asked), outcome, std::move(decision));
      claim();
      check_stopped();
    });
  });
}

worker::Failure Consumer::failure_of(const Running& running, const worker::Outcome& outcome) const {
  return {*running.kept,           outcome.reason,          outcome.kind == Kind::crashed,
          running.attempt.retries, running.attempt.crashes, parts_.config->queues[running.attempt.queue].max_retries};
}

void Consumer::finish(Running running, const worker::Outcome& outcome, Decision decision) {
  if (running.lost) return parts_.page->free(running.slot);
  if (!running.inherited) {
    tell_end(running, kind_of(outcome.kind), outcome, decision);
  } else if (decision.action == Decision::Action::bury) {
    tell(running, EventKind::buried, decision.reason);
  }
  call_hooks_of(running, outcome, decision);
  answer(running.attempt, running.slot, std::move(decision), std::move(running.original));
}

void Consumer::call_hooks_of(const Running& running, const worker::Outcome& outcome, const Decision& decision) {
  const worker::Hooks& hooks = parts_.registry->hooks();
  const bool failed = outcome.kind == Kind::failed || outcome.kind == Kind::crashed;
  if (!hooks.any() || !failed) return;
  const bool buried = decision.action == Decision::Action::bury;
  threads_.run([&hooks, kept = running.kept, failure = failure_of(running, outcome), buried, why = decision.reason] {
    set_fault_flags(nullptr);
    worker::call_hooks("on_failure", hooks.on_failure, failure);
    if (buried) worker::call_hooks("on_bury", hooks.on_bury, *kept, why);
  });
}

void Consumer::tell_end(const Running& running, EventKind kind, const worker::Outcome& outcome,
                        const Decision& decision) const {
  if (parts_.log->wants(kind)) {
    Event event = event_of(running.attempt, *running.original, kind);
    event.pid = parts_.page->slot(running.slot).group;
    event.reason = outcome.reason;
    event.text = outcome.result;
    event.certificate = outcome.certificate;
    if (decision.action == Decision::Action::retry) event.retry_in = decision.delay;
    parts_.log->tell(std::move(event));
  }
  if (decision.action == Decision::Action::bury) tell(running, EventKind::buried, decision.reason);
}

void Consumer::answer(const Attempt& attempt, std::size_t slot, Decision decision,
                      std::shared_ptr<const Original> original) {
  answers_.tell(attempt, parts_.config->queues[attempt.queue], std::move(decision), std::move(original),
                [this, alive = std::weak_ptr<bool>{alive_}, slot] {
                  if (alive.expired()) return;
                  if (slot != StartPage::kNone) parts_.page->free(slot);
                  claim();
                  check_stopped();
                });
}

bool Consumer::keeper_lives() const {
  if (parts_.keeper < 0) return true;
  pollfd polled{parts_.keeper, 0, 0};
  return ::poll(&polled, 1, 0) == 0;
}

}  // namespace coworker::service
