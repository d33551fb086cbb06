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

void State::answer(const job::MoveDead& move_command, Effects& effects) {
  job::Statuses statuses;
  for (const job::MoveDead::Item& item : move_command.items) {
    const Slot slot = find(item.id);
    job::Status& status = statuses.each.emplace_back(slot == 0 ? job::Status::not_found : job::Status::done);
    if (slot == 0) continue;
    Entry& entry = slab_[slot];
    const std::string target = !move_command.queue.empty() ? move_command.queue
                               : entry.dead                ? extra_of(slot)->origin
                                                           : std::string{};
    if (!entry.dead || !move(slot, job::Event::move)) {
      status = job::Status::conflict;
      continue;
    }
    rehouse(slot, target);
    if (move_command.revive) {
      extra_of(slot)->origin.clear();
      entry.dead = false;
      entry.bury_on_expiry = true;
      entry.attempts = entry.nacks = entry.additional = 0;
      entry.crashes = 0;
    }
    if (item.ttl.count() > 0) set_expiry(slot, (now_.ms + item.ttl.count() * 1000 + 999) / 1000);
    enqueue(slot);
    note_moved(slot, job::Event::move, effects);
  }
  effects.answer = std::move(statuses);
  effects.wait = Wait::written;
}

std::string State::failure_queue_of(Slot slot, std::string_view wanted) const {
  if (!wanted.empty()) return std::string{wanted};
  const Queue& queue = queues_[queues_.lane(slab_[slot].lane).queue];
  return queue.failure_queue.empty() ? std::string{kFailureQueue} : queue.failure_queue;
}

std::size_t State::names_of_burial(const job::JobId& id, std::string_view failure_queue) const {
  const Slot slot = find(id);
  if (slot == 0) return 0;
  const Queue& queue = queues_[queues_.lane(slab_[slot].lane).queue];
  const std::string& origin = slab_[slot].dead ? extra_of(slot)->origin : queue.name;
  return origin.size() + failure_queue_of(slot, failure_queue).size();
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
  const Slot to = purge.all || queue != 0 ? std::min<Slot>(slab_.end(), from + kPurgeLooks) : from;
  Slot slot = from;
  for (; slot < to && count.count < kPurgeSlice; ++slot) {
    const Entry& entry = slab_[slot];
    if (entry.key == job::Key{} || (purge.upto != job::Key{} && entry.key > purge.upto)) continue;
    if (!purge.all && queues_.lane(entry.lane).queue != queue) continue;
    if (!move(slot, job::Event::remove)) continue;
    remove(slot, job::Event::remove, effects);
    ++count.count;
  }
  if (slot > from && slot < slab_.end()) count.cursor = slot;
  effects.answer = count;
  effects.wait = Wait::written;
}

}  // namespace coworker::engine
