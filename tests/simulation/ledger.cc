#include "ledger.h"

#include <vector>

namespace coworker::simulation {

void Ledger::report(const Known& job, const std::string& what) {
  report_("job " + job::to_string(job.id) + " of '" + job.queue + "': " + what);
}

Ledger::Known* Ledger::find(const job::JobId& id) {
  const auto found = jobs_.find(id.key);
  return found == jobs_.end() ? nullptr : &found->second;
}

void Ledger::added(const job::Add& add, const job::Added& answer, bool paused, std::uint64_t sent_at, Time now) {
  using Outcome = job::Added::Outcome;
  if (answer.outcome == Outcome::created) {
    Known* known = find(answer.id);
    if (known != nullptr && known->add_heard) report(*known, "has an id that was given twice");
    if (known != nullptr) {  // the answer to a claim of it came first
      known->add_heard = true;
      known->unique = add.unique_key;
      return;
    }
    Known job;
    job.id = answer.id;
    job.add_heard = true;
    job.body = add.body;
    job.queue = add.queue;
    job.unique = add.unique_key;
    job.retry = add.retry;
    job.expires = job.first_expires = now.ms + add.ttl.count() * 1000;
    jobs_[answer.id.key] = job;
    if (!add.register_name.empty()) {
      std::uint64_t& value = registers_[add.register_name];
      if (add.register_value <= value) report(job, "a register fell back");
      value = add.register_value;
    }
    if (paused) report(job, "added to a paused queue");
  }
  if (answer.outcome == Outcome::duplicate) {
    const Known* holder = find(answer.id);
    if (holder == nullptr) return;  // its own add was never answered
    if (holder->add_heard && holder->unique != add.unique_key)
      report(*holder, "does not hold the unique key it is said to");
    if (holder->fate == Fate::gone && holder->gone_since < sent_at)
      report(*holder, "is gone and still holds its unique key");
  }
}

void Ledger::delivered(const job::Delivery& delivery, Millis lease, bool safe, Time from, Time now) {
  Known* job = find(delivery.id);
  if (job == nullptr) {
    // Its add was not answered, but it is there: from now on it is known.
    job = &jobs_[delivery.id.key];
    job->id = delivery.id;
    job->body = delivery.body;
    job->queue = delivery.queue;
    job->retry = delivery.retry;
    job->fate = Fate::unsure;
  }
  if (delivery.queue != job->queue) {
    // Its lifetime or its only lease ended: whoever reads the failure queue may have it.
    job->queue = delivery.queue;
    job->deliveries = 0;
    job->leased = false;
  }
  if (job->body != delivery.body) report(*job, "came with another body");
  // The answer to an older claim may come behind that to a newer one, if it waits for more.
  if (delivery.token < job->token) return;
  if (job->fate == Fate::gone || job->fate == Fate::written) report(*job, "runs again after its ack");
  if (job->retry.count() == 0 && job->deliveries > 0) report(*job, "is at most once and was delivered twice");
  if (job->leased && now.ms < job->lease_end) report(*job, "was delivered while another lease on it is valid");
  if (delivery.token == job->token) report(*job, "was delivered under an old token");
  ++job->deliveries;
  job->old_token = job->token;
  job->token = delivery.token;
  job->stale_surely = safe;
  job->lease_safe = safe;
  job->leased = true;
  if (job->retry.count() == 0) job->fate = Fate::unsure;  // the end of its lease is its end
  const Millis length = lease.count() > 0 ? lease : Millis{job->retry};
  job->lease_end = length.count() > 0 ? from.ms + length.count() : job->expires;
  delivered_.push_back(delivery.id.key);
}

void Ledger::sending(const job::JobRef& ref, job::Event how, Millis time, Time now) {
  Known* job = find(ref.id);
  if (job == nullptr || ref.token != job->token) return;
  if (how == job::Event::extend) {  // which may shorten it
    const Millis length = time.count() > 0 ? time : Millis{job->retry};
    if (length.count() > 0) job->lease_end = std::min(job->lease_end, (now + length).ms);
    return;
  }
  job->leased = false;
  if (how == job::Event::release && job->deliveries > 0) --job->deliveries;
  if (how == job::Event::bury) job->deliveries = 0;  // whoever reads the failure queue may have it
}

void Ledger::answered(const job::JobRef& ref, job::Event how, job::Status status, Millis time, Sent sent, bool safe,
                      Time now) {
  Known* job = find(ref.id);
  if (job == nullptr) return;
  if (status != job::Status::done) {
    const bool may_fail = how == job::Event::retry && job->retry.count() == 0;
    if (sent.held && job->fate == Fate::alive && !may_fail) report(*job, "its holder was refused within the lease");
    return;
  }
  if (sent.stale) report(*job, "an overtaken holder was accepted");
  if (job->fate == Fate::gone) report(*job, "was answered for after it had gone");
  switch (how) {
    case job::Event::ack:
      job->fate = safe ? Fate::written : Fate::unsure;
      if (safe) written_.insert(ref.id.key);
      job->leased = false;
      return;
    case job::Event::extend:
      job->lease_end = now.ms + (time.count() > 0 ? time.count() : Millis{job->retry}.count());
      if (job->retry.count() == 0 && time.count() == 0) job->lease_end = job->expires;
      return;
    case job::Event::bury:
      job->queue = "failed-jobs";
      job->expires = now.ms + job::Bury{}.ttl.count() * 1000;
      job->leased = false;
      return;
    default:
      job->leased = false;
      return;
  }
}

void Ledger::unanswered(const job::JobRef& ref) {
  Known* job = find(ref.id);
  if (job == nullptr) return;
  job->fate = job->fate == Fate::alive ? Fate::unsure : job->fate;
  job->leased = false;
}

void Ledger::unanswered_claim(const std::vector<std::string>& queues) {
  for (auto& [key, job] : jobs_) {
    if (job.retry.count() != 0 || job.fate != Fate::alive) continue;
    if (std::find(queues.begin(), queues.end(), job.queue) != queues.end()) job.fate = Fate::unsure;
  }
}

std::vector<job::JobRef> Ledger::disowning(std::uint64_t owner) {
  std::vector<job::JobRef> held;
  for (auto& [key, job] : jobs_) {
    if (job.owner != owner) continue;
    if (job.deliveries > 0) --job.deliveries;
    if (job.leased) held.push_back({job.id, job.token});
    job.leased = false;
  }
  return held;
}

void Ledger::taken_for(const job::JobRef& ref, std::uint64_t owner, bool is_gone) {
  Known* job = find(ref.id);
  if (job == nullptr || job->token != ref.token) return;  // a newer claim has it
  job->owner = owner;
  if (!is_gone || !job->leased) return;
  job->leased = false;
  job->deliveries = 0;
}

std::vector<job::JobId> Ledger::purging(const std::string& queue) {
  std::vector<job::JobId> there;
  for (auto& [key, job] : jobs_) {
    if (job.queue != queue && !job.queue.empty()) continue;
    if (job.fate == Fate::alive) {
      if (!job.queue.empty()) there.push_back(job.id);
      job.fate = Fate::unsure;
    }
    job.leased = false;
  }
  return there;
}

void Ledger::purged(const job::JobId& id) {
  Known* job = find(id);
  if (job == nullptr) return;
  job->fate = Fate::written;
  written_.insert(id.key);
}

bool Ledger::pick_dead(std::uint64_t number, job::JobId& id) const {
  std::vector<job::JobId> dead;
  for (const auto& [key, job] : jobs_) {
    if (job.queue == "failed-jobs" && job.fate == Fate::alive && !job.leased) dead.push_back(job.id);
  }
  if (dead.empty()) return false;
  id = dead[number % dead.size()];
  return true;
}

void Ledger::moving(const job::JobId& id) {
  Known* job = find(id);
  job->queue.clear();
  job->deliveries = 0;
}

void Ledger::moved(const job::JobId& id, job::Status status) {
  const Known* job = find(id);
  if (job != nullptr && job->fate == Fate::alive && status == job::Status::not_found) report(*job, "is lost");
}

void Ledger::synced() {
  for (const job::Key key : written_) {
    Known& job = jobs_.at(key);
    if (job.fate == Fate::written) job.fate = Fate::gone;
    job.gone_since = ++events_;
  }
  written_.clear();
}

void Ledger::process_died() {
  for (auto& [key, job] : jobs_) {
    job.leased = job.leased && job.lease_safe;
    job.owner = 0;  // nobody knows owners from before
  }
}

void Ledger::power_failed() {
  for (const job::Key key : written_) jobs_.at(key).fate = Fate::unsure;
  written_.clear();
  for (auto& [key, job] : jobs_) {
    // A claim that was answered after its write, or a release, may be undone.
    job.leased = false;
    job.owner = 0;
    job.stale_surely = false;
    // A move to the failure queue may be undone.
    job.expires = std::min(job.expires, job.first_expires);
    if (job.queue == "failed-jobs") job.queue.clear();
  }
}

void Ledger::must_exist(Time now, const std::function<bool(const job::JobId&)>& exists) {
  for (auto& [key, job] : jobs_) {
    if (job.fate == Fate::alive && now.ms < job.expires - 1'000 && !exists(job.id)) report(job, "is lost");
    if (job.fate == Fate::gone && exists(job.id)) report(job, "is back after its ack was durable");
  }
}

Ledger::Sent Ledger::sending_state(const job::JobRef& ref, Time now) const {
  const auto found = jobs_.find(ref.id.key);
  if (found == jobs_.end()) return {};
  const Known& job = found->second;
  return {.held = job.leased && job.token == ref.token && now.ms < job.lease_end,
          .stale = job.stale_surely && ref.token < job.token};
}

bool Ledger::pick(std::uint64_t number, job::JobRef& ref, bool& once) const {
  if (delivered_.empty()) return false;
  // Mostly one of the latest, which is still held.
  const std::size_t recent = std::min<std::size_t>(delivered_.size(), number % 4 == 0 ? delivered_.size() : 6);
  const Known& job = jobs_.at(delivered_[delivered_.size() - 1 - (number / 4) % recent]);
  const bool old = number % 32 == 1 && job.old_token != job::Token{};
  ref = {job.id, old ? job.old_token : job.token};
  once = job.retry.count() == 0;
  return ref.token != job::Token{};
}

}  // namespace coworker::simulation
