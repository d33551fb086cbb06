#include <algorithm>

#include "engine/state.h"

namespace coworker::engine {
namespace {

constexpr Seconds kIdleQueue{300};  // as Disque
constexpr std::uint32_t kQueuesLookedAt = 512;

}  // namespace

void State::tick(Time now, std::uint32_t budget, Effects& effects) {
  now_ = std::max(now_, now);
  for (; budget > 0 && !timers_.empty() && slab_[timers_.first(slab_)].due <= now_.ms; --budget) {
    end_wait(timers_.first(slab_), effects);
  }
  for (; budget > 0 && now_ >= expire_from_ && expire_one(effects); --budget) {
  }
  serve_waiters(effects);
  while (const auto ticket = waiters_.overdue(now_)) serve(*ticket, effects);
  for (; budget > 0; --budget) {
    const auto record = once_.drop_one(static_cast<std::uint32_t>(now_.ms / 1000));
    if (!record) break;
    if (*record != 0) records_.remove(*record);
  }
  drop_idle_queues();
  effects.more = budget == 0;
}

void State::idle(Time now) {
  now_ = std::max(now_, now);
  drop_idle_queues();
}

/// The moment of a scheduled job has come, or the lease of a silent holder has ended.
void State::end_wait(Slot slot, Effects& effects) {
  Entry& entry = slab_[slot];
  if (entry.state == job::State::scheduled) {
    // No fact: the next start finds the same moment passed.
    move(slot, job::Event::due);
    if (entry.queued_once && entry.additional != 0xffff) ++entry.additional;
    enqueue(slot);
    return;
  }
  const bool at_most_once = entry.retry == 0;
  move(slot, job::Event::lease_end);
  ++totals_.leases_ended;
  if (at_most_once) {
    end_life(slot, "its holder fell silent, and it must not run twice", job::Event::lease_end, effects);
    return;
  }
  if (entry.additional != 0xffff) ++entry.additional;
  enqueue(slot);
  note(slot, job::Event::lease_end, effects);
}

/// For a detached job: to its failure queue if it has one, else gone.
void State::end_life(Slot slot, std::string_view why, job::Event event, Effects& effects) {
  if (slab_[slot].bury_on_expiry) {
    bury(slot, failure_queue_of(slot, {}), job::Bury{}.ttl, why);
    note_moved(slot, event, effects);
  } else {
    remove(slot, event, effects);
  }
}

/// One job whose lifetime has passed, if there is one; a second of slack, as Disque gives.
bool State::expire_one(Effects& effects) {
  const Slot slot = expiry_.first();
  if (slot == 0) return false;
  Entry& entry = slab_[slot];
  const std::int64_t now_seconds = now_.ms / 1000;
  if (entry.expires >= now_seconds) return false;
  if (entry.place == Entry::Place::pending || !move(slot, job::Event::expire)) {
    expiry_.erase(slab_, slot);  // somebody works on it: it lives until that ends, see detach
    return true;
  }
  ++totals_.expired;
  end_life(slot, "its lifetime had passed", job::Event::expire, effects);
  return true;
}

std::optional<Time> State::next_event() const {
  std::optional<Time> next;
  const auto consider = [&](std::int64_t ms) {
    if (!next || ms < next->ms) next = Time{ms};
  };
  if (!timers_.empty()) consider(slab_[timers_.first(slab_)].due);
  if (expiry_.first() != 0) {
    consider(std::max((static_cast<std::int64_t>(slab_[expiry_.first()].expires) + 1) * 1000, expire_from_.ms));
  }
  if (waiters_.next_deadline() != Time{}) consider(waiters_.next_deadline().ms);
  if (once_.next_expiry() != 0) consider(static_cast<std::int64_t>(once_.next_expiry()) * 1000);
  return next;
}

/// Looks at some queues a call, in turn.
void State::drop_idle_queues() {
  const std::uint32_t looks = std::min(kQueuesLookedAt, queues_.end());
  for (std::uint32_t look = 0; look < looks; ++look) {
    if (++idle_cursor_ >= queues_.end()) idle_cursor_ = 1;
    if (!queues_.exists(idle_cursor_)) continue;
    const Queue& queue = queues_[idle_cursor_];
    if (queue.jobs() != 0 || queue.blocked != 0 || queue.has_settings()) continue;
    if (now_ - queue.last_used >= kIdleQueue) queues_.drop(idle_cursor_);
  }
}

}  // namespace coworker::engine
