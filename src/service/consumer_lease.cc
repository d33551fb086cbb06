#include <fmt/format.h>

#include "base/log.h"
#include "service/consumer.h"

/// The part of Consumer that keeps leases, and gives them up.
namespace coworker::service {
namespace {

constexpr Millis kCancelPause{200};
constexpr int kMargins = 10;  // a lease counts as ended a tenth before it ends

}  // namespace

/// A store without tokens knows only the job's own retry time.
Consumer::Clock::time_point Consumer::lease_from(Clock::time_point asked, const Running& running) const {
  Millis lease = parts_.config->lease;
  if (!store_.capabilities().fencing) {
    if (running.attempt.at_most_once) return Clock::time_point::max();
    lease = running.original ? Millis{running.original->retry} : lease;
  }
  return asked + lease - lease / kMargins;
}

void Consumer::arm_leases() {
  lease_timer_.expires_after(renewal_pause_);
  lease_timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopped_) return;
    parts_.page->beat();
    end_overdue_leases();
    renew();
    arm_leases();
  });
}

/// Where each job's own retry time is its lease, the shortest one says how often.
void Consumer::renew_within(Millis lease) {
  if (lease / kRenewalsPerLease >= renewal_pause_) return;
  renewal_pause_ = lease / kRenewalsPerLease;
  arm_leases();
}

void Consumer::renew() {
  job::Extend extend;
  extend.lease = parts_.config->lease;
  std::vector<Id> ids;
  for (const auto& [id, running] : running_) {
    if (running.lost) continue;
    extend.jobs.push_back(running.attempt.job);
    ids.push_back(id);
  }
  if (ids.empty()) return;
  store_.apply(std::move(extend), [this, alive = std::weak_ptr<bool>{alive_}, ids = std::move(ids),
                                   asked = Clock::now()](Result<job::Answer> answer) {
    if (!alive.expired()) renewed(ids, std::move(answer), asked);
  });
}

void Consumer::renewed(const std::vector<Id>& ids, Result<job::Answer> answer, Clock::time_point asked) {
  if (!answer) {
    log::warning(fmt::format("renew {} leases: {}", ids.size(), answer.error().message()));
    return;
  }
  const auto* statuses = std::get_if<job::Statuses>(&*answer);
  if (statuses == nullptr) return;
  for (std::size_t i = 0; i < ids.size() && i < statuses->each.size(); ++i) {
    const auto entry = running_.find(ids[i]);
    if (entry == running_.end()) continue;
    if (statuses->each[i] == job::Status::done) {
      entry->second.lease_end = lease_from(asked, entry->second);
    } else {
      lost_to(entry->second, statuses->each[i]);
    }
  }
}

/// The store may give the job to others from now on, so nothing of ours may go on working at it.
void Consumer::lose(Running& running, proc::Killed why, const std::string& text) {
  if (running.lost) return;
  running.lost = true;
  running.cancelled = why == proc::Killed::cancelled;
  log::warning(fmt::format("job {}: {}", job::to_string(running.attempt.job.id), text));
  parts_.page->slot(running.slot).flags.fetch_or(PageSlot::kLost);
  // Who cancels does not want it to run, but may let it tidy up; nobody else works at it.
  const Millis grace = running.cancelled ? parts_.config->kill_grace : Millis{0};
  if (running.execution) running.execution->stop(why, grace);
}

void Consumer::lost_to(Running& running, job::Status status) {
  if (status == job::Status::not_found) {
    lose(running, proc::Killed::cancelled, "it was removed, and is stopped");
  } else {
    lose(running, proc::Killed::lease_lost, "its lease is lost, somebody else answered for it");
  }
}

void Consumer::arm_cancels() {
  if (!store_.capabilities().fencing) return;
  cancel_timer_.expires_after(kCancelPause);
  cancel_timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopped_) return;
    ask_cancels();
    arm_cancels();
  });
}

/// Most jobs are short and are never asked about: only those that have run since the last look.
void Consumer::ask_cancels() {
  job::Held held;
  std::vector<Id> ids;
  for (const auto& [id, running] : running_) {
    if (id >= asked_below_) break;
    if (running.lost || running.execution == nullptr) continue;
    held.jobs.push_back(running.attempt.job);
    ids.push_back(id);
  }
  asked_below_ = next_id_;
  if (ids.empty()) return;
  store_.apply(std::move(held),
               [this, alive = std::weak_ptr<bool>{alive_}, ids = std::move(ids)](const Result<job::Answer>& answer) {
                 const auto* statuses = answer ? std::get_if<job::Statuses>(&*answer) : nullptr;
                 if (alive.expired() || statuses == nullptr) return;
                 for (std::size_t i = 0; i < ids.size() && i < statuses->each.size(); ++i) {
                   const auto entry = running_.find(ids[i]);
                   if (entry == running_.end() || statuses->each[i] == job::Status::done) continue;
                   lost_to(entry->second, statuses->each[i]);
                 }
               });
}

void Consumer::end_overdue_leases() {
  const Clock::time_point now = Clock::now();
  for (auto& [id, running] : running_) {
    if (now >= running.lease_end)
      lose(running, proc::Killed::lease_lost, "its lease is lost, the store could not be reached in time");
  }
}

void Consumer::drain() {
  if (stopping_) return;
  take_no_more();
  check_stopped();
}

void Consumer::stop() {
  if (stop_asked_) return stop_now();
  stop_asked_ = true;
  if (!stopping_) take_no_more();
  // The claim may have been answered at once, and with it all is over.
  if (stopped_) return;
  stop_timer_.expires_after(parts_.config->stop_grace);
  stop_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) stop_running(parts_.config->kill_grace);
  });
  check_stopped();
}

void Consumer::stop_now() {
  if (!stopping_) take_no_more();
  stop_timer_.cancel();
  stop_running(Millis{0});
  check_stopped();
}

void Consumer::take_no_more() {
  stopping_ = true;
  parts_.page->set_ready(false);
  claim_timer_.cancel();
  if (claiming_) {
    store_.apply(job::CancelClaim{ticket_}, [](const Result<job::Answer>&) {});
  }
  give_back_unstarted();
}

void Consumer::stop_running(Millis grace) {
  parts_.page->set_stopping();
  for (auto& [id, running] : running_) {
    if (running.execution) running.execution->stop(proc::Killed::stopped, grace);
  }
}

void Consumer::give_back_unstarted() {
  for (const Id id : std::exchange(waiting_, {})) {
    const auto entry = running_.find(id);
    const Running running = std::move(entry->second);
    running_.erase(entry);
    if (running.lost) {
      parts_.page->free(running.slot);
      continue;
    }
    answer(running.attempt, running.slot, Decision{Decision::Action::release, Millis{0}, false, {}}, running.original);
  }
}

void Consumer::check_stopped() {
  if (!stopping_ || stopped_ || claiming_ || inheriting_ > 0 || !running_.empty() || answers_.open() > 0 ||
      !parts_.log->is_quiet()) {
    return;
  }
  stopped_ = true;
  lease_timer_.cancel();
  cancel_timer_.cancel();
  stop_timer_.cancel();
  for (const std::unique_ptr<worker::Worker>& each : workers_) {
    if (each) each->close();
  }
  events_.on_stopped();
}

}  // namespace coworker::service
