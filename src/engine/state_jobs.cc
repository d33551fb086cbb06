#include <algorithm>

#include "base/check.h"
#include "engine/state.h"

namespace coworker::engine {
namespace {

template <class Count>
void count_up(Count& count) {
  if (count != static_cast<Count>(-1)) ++count;
}

}  // namespace

// ---- identity and text ----------------------------------------------------------------------------

job::JobId State::id_of(const Entry& entry) const {
  return mint_.id(entry.key, entry.ttl_digits);
}

Slot State::find(const job::JobId& id) const {
  const Slot slot = index_.find(id.key);
  if (slot == 0 || !slab_[slot].committed) return 0;
  return id_of(slab_[slot]) == id ? slot : 0;
}

Slot State::held(const job::JobRef& job, job::Status& status) const {
  const Slot slot = find(job.id);
  status = slot == 0 ? job::Status::not_found : job::Status::done;
  if (slot == 0 || job.token == job::Token{}) return slot;
  const Entry& entry = slab_[slot];
  if (entry.state == job::State::leased && entry.token == job.token) return slot;
  status = job::Status::conflict;
  return 0;
}

State::Extra* State::extra_of(Slot slot) {
  if (!slab_[slot].extra) return nullptr;
  return &extras_.find(slot)->second;
}

const State::Extra* State::extra_of(Slot slot) const {
  return const_cast<State*>(this)->extra_of(slot);
}

State::Extra& State::make_extra(Slot slot) {
  slab_[slot].extra = true;
  return extras_[slot];
}

std::string State::unique_name(QueueIndex queue, std::string_view key) {
  std::string name(reinterpret_cast<const char*>(&queue), sizeof queue);
  return name.append(key);
}

void State::free_unique_key(Slot slot) {
  Extra* extra = extra_of(slot);
  if (extra == nullptr || extra->unique_key.empty()) return;
  const auto found = unique_.find(unique_name(queues_.lane(slab_[slot].lane).queue, extra->unique_key));
  if (found != unique_.end() && found->second == slot) unique_.erase(found);
  extra->unique_key.clear();
}

void State::set_expiry(Slot slot, std::int64_t expires) {
  expiry_.erase(slab_, slot);
  slab_[slot].expires = static_cast<std::uint32_t>(std::clamp<std::int64_t>(expires, 0, 0xffff'ffff));
  expiry_.insert(slab_, slot);
}

// ---- adding -----------------------------------------------------------------------------------------

std::optional<job::Added> State::refusal(const job::Add& add, QueueIndex queue_index, Effects& effects) const {
  using Outcome = job::Added::Outcome;
  const auto refuse = [&](Outcome outcome, const job::JobId& id) {
    effects.wait = Wait::synced;
    return job::Added{.outcome = outcome, .id = id};
  };
  if (!add.idempotency_key.empty()) {
    const Once* once = once_.find(add.queue, add.idempotency_key);
    if (once != nullptr && once->expires > static_cast<std::uint64_t>(now_.ms / 1000)) {
      return refuse(Outcome::repeated, mint_.id(once->job, once->ttl_digits));
    }
  }
  if (!add.unique_key.empty() && queue_index != 0) {
    const auto found = unique_.find(unique_name(queue_index, add.unique_key));
    if (found != unique_.end()) return refuse(Outcome::duplicate, id_of(slab_[found->second]));
  }
  if (!add.register_name.empty()) {
    const auto found = registers_.find(add.register_name);
    if (found != registers_.end() && found->second >= add.register_value) return refuse(Outcome::stale, {});
  }
  if (queue_index == 0) return std::nullopt;
  const Queue& queue = queues_[queue_index];
  if (add.max_length != 0 && queue.ready + queue.pending >= add.max_length) return job::Added{Outcome::full, {}};
  if (queue.pause_in) return job::Added{Outcome::paused, {}};
  return std::nullopt;
}

Slot State::create(const job::Add& add, QueueIndex queue_index, Effects& effects) {
  CW_CHECK(++keys_ < std::uint64_t{1} << 40);
  const Slot slot = slab_.take();
  Entry& entry = slab_[slot];
  entry.key = key_of(epoch_, keys_);
  entry.due = add.delay.count() > 0 ? (now_ + add.delay).ms : 0;
  entry.created = static_cast<std::uint32_t>(now_.ms / 1000);
  entry.retry = static_cast<std::uint32_t>(add.retry.count());
  entry.ttl_digits = job::id_ttl(add.ttl.count(), add.retry.count() > 0);
  entry.bury_on_expiry = add.bury_on_expiry;
  entry.lane = queues_.join(queue_index, add.priority, add.group);
  entry.state = entry.due != 0 ? job::State::scheduled : job::State::ready;
  index_.insert(slot);
  set_expiry(slot, (now_.ms + add.ttl.count() * 1000 + 999) / 1000);
  entry.place = Entry::Place::pending;
  entry.left = pending_tail_;
  (pending_tail_ != 0 ? slab_[pending_tail_].right : pending_head_) = slot;
  pending_tail_ = slot;

  Queue& queue = queues_[queue_index];
  ++(entry.due != 0 ? queue.scheduled : queue.pending);
  ++queue.jobs_in;
  queue.last_used = now_;
  ++totals_.added;
  if (!add.unique_key.empty()) {
    make_extra(slot).unique_key = add.unique_key;
    unique_[unique_name(queue_index, add.unique_key)] = slot;
  }
  const JobFact cold{.created_ms = static_cast<std::uint64_t>(now_.ms),
                     .delay_ms = add.delay.count(),
                     .replicas = add.replicas,
                     .group = add.group};
  note_job(slot, cold, add.body, effects);
  return slot;
}

void State::answer(const job::Add& add, Effects& effects) {
  QueueIndex queue = queues_.find(add.queue);
  if (const auto refused = refusal(add, queue, effects)) {
    effects.answer = *refused;
    return;
  }
  if (queue == 0) queue = queues_.obtain(add.queue, now_);
  const Slot slot = create(add, queue, effects);
  const Entry& entry = slab_[slot];
  if (!add.idempotency_key.empty()) {
    const auto expires = static_cast<std::uint32_t>(now_.ms / 1000 + add.idempotency_window.count());
    set_once(add.queue, add.idempotency_key, Once{entry.key, entry.ttl_digits, expires});
    Once& once = *once_.find(add.queue, add.idempotency_key);
    const std::size_t before = effects.facts.size();
    encode(OnceFact{entry.key, entry.ttl_digits, expires, add.queue, add.idempotency_key}, effects.facts);
    effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before), .once = &once});
  }
  if (!add.register_name.empty()) {
    registers_[add.register_name] = add.register_value;
    const std::size_t before = effects.facts.size();
    encode(RegisterFact{add.register_value, add.register_name}, effects.facts);
    effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
  }
  effects.answer = job::Added{.outcome = job::Added::Outcome::created, .id = id_of(entry)};
  effects.wait = Wait::synced;
}

void State::set_once(std::string_view queue, std::string_view key, const Once& once) {
  const Once* old = once_.find(queue, key);
  if (old != nullptr && old->position != 0) records_.remove(old->position);
  if (once.position != 0) records_.add(once.position);
  once_.set(queue, key, once);
}

// ---- moves ------------------------------------------------------------------------------------------

bool State::move(Slot slot, job::Event event) {
  if (!job::next(slab_[slot].state, event)) return false;
  detach(slot);
  return true;
}

/// Takes the job out of the structure it stands in.
void State::detach(Slot slot) {
  Entry& entry = slab_[slot];
  const QueueIndex queue_index = queues_.lane(entry.lane).queue;
  Queue& queue = queues_[queue_index];
  queue.last_used = now_;
  if (entry.expiry_next == 0) expiry_.insert(slab_, slot);
  if (entry.place == Entry::Place::pending) {
    (entry.left != 0 ? slab_[entry.left].right : pending_head_) = entry.right;
    (entry.right != 0 ? slab_[entry.right].left : pending_tail_) = entry.left;
    --(entry.state == job::State::scheduled ? queue.scheduled : queue.pending);
    entry.left = entry.right = 0;
    entry.place = Entry::Place::nowhere;
    return;
  }
  if (entry.place == Entry::Place::timer) {
    timers_.erase(slab_, slot);
    entry.place = Entry::Place::nowhere;
  }
  if (entry.state == job::State::ready) queues_.erase_ready(slot);
  if (entry.state == job::State::scheduled) --queue.scheduled;
  if (entry.state == job::State::leased) {
    queues_.lease_ends(entry.lane);
    mark(queue_index);
  }
  entry.due = 0;
  entry.token = job::Token{};
}

void State::enqueue(Slot slot) {
  Entry& entry = slab_[slot];
  entry.state = job::State::ready;
  entry.queued_once = true;
  entry.due = 0;
  queues_.insert_ready(slot);
  mark(queues_.lane(entry.lane).queue);
}

void State::schedule(Slot slot, std::int64_t due) {
  Entry& entry = slab_[slot];
  entry.state = job::State::scheduled;
  entry.due = due;
  ++queues_[queues_.lane(entry.lane).queue].scheduled;
  if (due == 0) return;
  timers_.insert(slab_, slot);
  entry.place = Entry::Place::timer;
}

void State::lease(Slot slot, std::int64_t due) {
  Entry& entry = slab_[slot];
  entry.state = job::State::leased;
  entry.due = due;
  queues_.lease_begins(entry.lane);
  timers_.insert(slab_, slot);
  entry.place = Entry::Place::timer;
}

/// For a detached job. It keeps its id and priority; its group ends.
void State::bury(Slot slot, std::string_view failure_queue, Seconds ttl, std::string_view reason) {
  free_unique_key(slot);
  Entry& entry = slab_[slot];
  const LaneIndex old_lane = entry.lane;
  const QueueIndex old_queue = queues_.lane(old_lane).queue;
  const std::string origin = queues_[old_queue].name;
  const std::string target{failure_queue};
  const QueueIndex queue = queues_.obtain(target, now_);
  entry.lane = queues_.join(queue, queues_.lane(old_lane).priority, {});
  queues_.leave(old_lane);
  Extra& extra = make_extra(slot);
  const bool came_from_here = entry.dead && queue == old_queue;
  if (!entry.dead) extra.origin = origin;
  extra.reason = reason;
  entry.dead = true;
  entry.bury_on_expiry = false;
  set_expiry(slot, (now_.ms + ttl.count() * 1000 + 999) / 1000);
  ++queues_[queue].jobs_in;
  ++totals_.buried;
  // A failure queue whose own consumer fails must not spin.
  came_from_here ? schedule(slot, (now_ + Seconds{std::max(entry.retry, 1u)}).ms) : enqueue(slot);
}

/// The job is gone. For a detached job.
void State::forget(Slot slot) {
  free_unique_key(slot);
  expiry_.erase(slab_, slot);
  if (slab_[slot].extra) extras_.erase(slot);
  set_record(slab_[slot], 0, 0);
  index_.erase(slab_[slot].key);
  queues_.leave(slab_[slot].lane);
  slab_.give(slot);
}

// ---- facts ------------------------------------------------------------------------------------------

StateFact State::state_fact(Slot slot, job::Event event) const {
  const Entry& entry = slab_[slot];
  const Extra* extra = extra_of(slot);
  // Only a failure and a full record tell the reason; whatever else happens leaves it.
  const bool tells = event == job::Event::retry || event == job::Event::due;
  return StateFact{.key = entry.key,
                   .event = event,
                   .state = entry.state,
                   .queued_once = entry.queued_once,
                   .due = entry.due,
                   .token = entry.token,
                   .expires = entry.expires,
                   .nacks = entry.nacks,
                   .additional = entry.additional,
                   .attempts = entry.attempts,
                   .crashes = entry.crashes,
                   .has_reason = tells,
                   .reason = tells && extra != nullptr ? std::string_view{extra->reason} : std::string_view{}};
}

void State::note(Slot slot, job::Event event, Effects& effects) const {
  const std::size_t before = effects.facts.size();
  encode(state_fact(slot, event), effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
}

void State::note_moved(Slot slot, job::Event event, Effects& effects) const {
  const std::size_t before = effects.facts.size();
  const Queue& queue = queues_[queues_.lane(slab_[slot].lane).queue];
  MovedFact fact{state_fact(slot, event), {slab_[slot].dead, extra_of(slot)->origin}, queue.name};
  fact.state.has_reason = true;
  fact.state.reason = extra_of(slot)->reason;
  encode(fact, effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
}

void State::note_removed(job::Key key, job::Event event, Effects& effects) const {
  const std::size_t before = effects.facts.size();
  encode(RemovedFact{key, event}, effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
}

/// `cold` gives what the entry does not hold: created_ms, delay_ms, replicas, group, rewritten.
void State::note_job(Slot slot, const JobFact& cold, std::string_view body, Effects& effects) const {
  const Entry& entry = slab_[slot];
  const Extra* extra = extra_of(slot);
  const Lane& lane = queues_.lane(entry.lane);
  JobFact fact = cold;
  fact.state = state_fact(slot, job::Event::due);
  fact.origin.dead = entry.dead;
  fact.retry = entry.retry;
  fact.ttl_digits = entry.ttl_digits;
  fact.bury_on_expiry = entry.bury_on_expiry;
  fact.priority = lane.priority;
  fact.queue = queues_[lane.queue].name;
  if (lane.group == 0) fact.group = {};
  fact.unique_key = {};
  if (extra != nullptr) {
    fact.origin.origin = extra->origin;
    fact.unique_key = extra->unique_key;
  }
  const std::size_t before = effects.facts.size();
  encode(fact, effects.facts);
  effects.items.push_back(
      {.size = static_cast<std::uint32_t>(effects.facts.size() - before), .body = body, .slot = slot});
}

// ---- answering for jobs -----------------------------------------------------------------------------

void State::remove(Slot slot, job::Event event, Effects& effects) {
  note_removed(slab_[slot].key, event, effects);
  forget(slot);
}

void State::answer(const job::Ack& ack, Effects& effects) {
  job::Statuses statuses;
  statuses.each.reserve(ack.jobs.size());
  for (const job::JobRef& each : ack.jobs) {
    job::Status& status = statuses.each.emplace_back();
    const Slot slot = held(each, status);
    if (slot == 0 || !move(slot, job::Event::ack)) continue;
    remove(slot, job::Event::ack, effects);
    ++totals_.acked;
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

void State::answer(const job::Retry& retry, Effects& effects) {
  job::Statuses statuses;
  for (const job::Retry::Item& item : retry.items) {
    job::Status& status = statuses.each.emplace_back();
    const Slot slot = held(item.job, status);
    if (slot == 0) continue;
    Entry& entry = slab_[slot];
    if (entry.retry == 0 || !move(slot, job::Event::retry)) {
      status = job::Status::conflict;
      continue;
    }
    count_up(entry.attempts);
    if (item.crashed) count_up(entry.crashes);
    if (!item.reason.empty()) make_extra(slot).reason = item.reason.substr(0, kMostReason);
    // Its return is counted as an attempt, not as an additional delivery.
    entry.queued_once = false;
    item.delay.count() > 0 ? schedule(slot, (now_ + item.delay).ms) : enqueue(slot);
    note(slot, job::Event::retry, effects);
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

void State::answer(const job::Release& release, Effects& effects) {
  job::Statuses statuses;
  for (const job::JobRef& each : release.jobs) {
    job::Status& status = statuses.each.emplace_back();
    const Slot slot = held(each, status);
    if (slot == 0) continue;
    if (!move(slot, job::Event::release)) {
      status = job::Status::conflict;
      continue;
    }
    enqueue(slot);
    note(slot, job::Event::release, effects);
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

void State::answer(const job::Bury& bury_command, Effects& effects) {
  job::Statuses statuses;
  for (const job::Bury::Item& item : bury_command.items) {
    job::Status& status = statuses.each.emplace_back();
    const Slot slot = held(item.job, status);
    if (slot == 0) continue;
    if (!move(slot, job::Event::bury)) {
      status = job::Status::conflict;
      continue;
    }
    count_up(slab_[slot].attempts);
    if (item.crashed) count_up(slab_[slot].crashes);
    const std::string_view reason = std::string_view{item.reason}.substr(0, kMostReason);
    bury(slot, failure_queue_of(slot, bury_command.failure_queue), bury_command.ttl, reason);
    note_moved(slot, job::Event::bury, effects);
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

std::string State::failure_queue_of(Slot slot, std::string_view wanted) const {
  if (!wanted.empty()) return std::string{wanted};
  const Queue& queue = queues_[queues_.lane(slab_[slot].lane).queue];
  return queue.failure_queue.empty() ? std::string{kFailureQueue} : queue.failure_queue;
}

void State::answer(const job::Extend& extend, Effects& effects) {
  job::Statuses statuses;
  for (const job::JobRef& each : extend.jobs) {
    job::Status& status = statuses.each.emplace_back();
    const Slot slot = held(each, status);
    if (slot == 0) continue;
    if (!job::next(slab_[slot].state, job::Event::extend)) {
      status = job::Status::conflict;
      continue;
    }
    timers_.erase(slab_, slot);
    slab_[slot].due = lease_end(slab_[slot], extend.lease);
    timers_.insert(slab_, slot);
    note(slot, job::Event::extend, effects);
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

/// When a lease that is taken or renewed now ends. An at-most-once job has no retry clock: its lease ends
/// with its life, unless the holder asked for less.
std::int64_t State::lease_end(const Entry& entry, Millis lease) const {
  if (lease.count() > 0) return (now_ + lease).ms;
  if (entry.retry > 0) return (now_ + Seconds{entry.retry}).ms;
  return std::max<std::int64_t>(static_cast<std::int64_t>(entry.expires) * 1000, now_.ms);
}

void State::answer(const job::Enqueue& enqueue_command, Effects& effects) {
  job::Statuses statuses;
  for (const job::JobId& id : enqueue_command.jobs) {
    const Slot slot = find(id);
    job::Status& status = statuses.each.emplace_back(job::Status::done);
    if (slot == 0) {
      status = job::Status::not_found;
      continue;
    }
    Entry& entry = slab_[slot];
    const bool again = entry.queued_once;
    if ((entry.retry == 0 && again) || !move(slot, job::Event::enqueue)) {
      status = job::Status::conflict;
      continue;
    }
    if (enqueue_command.nack)
      count_up(entry.nacks);
    else if (again)
      count_up(entry.additional);
    if (enqueue_command.delay.count() > 0) {
      entry.queued_once = false;
      schedule(slot, (now_ + enqueue_command.delay).ms);
    } else {
      enqueue(slot);
    }
    note(slot, job::Event::enqueue, effects);
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

void State::answer(const job::Dequeue& dequeue, Effects& effects) {
  job::Statuses statuses;
  for (const job::JobId& id : dequeue.jobs) {
    const Slot slot = find(id);
    job::Status& status = statuses.each.emplace_back(job::Status::done);
    if (slot == 0) {
      status = job::Status::not_found;
    } else if (!move(slot, job::Event::dequeue)) {
      status = job::Status::conflict;
    } else {
      postpone(slot);
      note(slot, job::Event::dequeue, effects);
    }
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

/// Out of the queue for a retry period; an at-most-once job for good.
void State::postpone(Slot slot) {
  const std::uint32_t retry = slab_[slot].retry;
  schedule(slot, retry == 0 ? 0 : (now_ + Seconds{retry}).ms);
}

void State::answer(const job::Remove& remove_command, Effects& effects) {
  job::Statuses statuses;
  for (const job::JobId& id : remove_command.jobs) {
    const Slot slot = find(id);
    statuses.each.push_back(slot == 0 ? job::Status::not_found : job::Status::done);
    if (slot == 0 || !move(slot, job::Event::remove)) continue;
    remove(slot, job::Event::remove, effects);
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

void State::answer(const job::Working& working, Effects& effects) {
  const Slot slot = find(working.id);
  if (slot == 0) {
    effects.answer = job::Worked{.outcome = job::Worked::Outcome::not_found};
    return;
  }
  Entry& entry = slab_[slot];
  const std::int64_t age = now_.ms / 1000 - entry.created;
  if (age * 2 > static_cast<std::int64_t>(entry.expires) - entry.created) {
    effects.answer = job::Worked{.outcome = job::Worked::Outcome::too_late};
    return;
  }
  if (entry.state == job::State::leased) {
    timers_.erase(slab_, slot);
    entry.due = lease_end(entry, Millis{0});
    timers_.insert(slab_, slot);
  } else {
    move(slot, job::Event::working);
    postpone(slot);
  }
  note(slot, job::Event::working, effects);
  effects.answer = job::Worked{.retry = Seconds{entry.retry}};
  effects.wait = Wait::written;
}

void State::answer(const job::Purge& purge, Effects& effects) {
  const QueueIndex queue = queues_.find(purge.queue);
  job::Count count;
  const Slot from = static_cast<Slot>(std::max<std::uint64_t>(purge.cursor, 1));
  const Slot to = std::min<Slot>(slab_.end(), from + kPurgeSlice);
  for (Slot slot = from; slot < to && (purge.all || queue != 0); ++slot) {
    if (slab_[slot].key == job::Key{}) continue;
    if (!purge.all && queues_.lane(slab_[slot].lane).queue != queue) continue;
    if (!move(slot, job::Event::remove)) continue;
    remove(slot, job::Event::remove, effects);
    ++count.count;
  }
  if (to < slab_.end() && (purge.all || queue != 0)) count.cursor = to;
  effects.answer = count;
  effects.wait = Wait::written;
}

}  // namespace coworker::engine
