#include "base/check.h"
#include "engine/state.h"

namespace coworker::engine {

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
  index_.insert(entry.key, slot);
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
    set_register(add.register_name, add.register_value);
    note_register(add.register_name, add.register_value, effects);
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

}  // namespace coworker::engine
