#include <algorithm>
#include <unordered_set>

#include "engine/state.h"

namespace coworker::engine {
namespace {

/// Share of a claim that a queue of weight 1 uses up; divided by heavier weights.
constexpr std::uint64_t kStride = 1 << 20;

}  // namespace

void State::answer(const job::Claim& claim_command, Effects& effects) {
  std::vector<QueueIndex>& queues = claimed_from_;
  queues.clear();
  for (const std::string& name : claim_command.queues) {
    const QueueIndex queue = queues_.obtain(name, now_);
    queues_[queue].last_used = now_;
    if (std::find(queues.begin(), queues.end(), queue) == queues.end()) queues.push_back(queue);
  }
  job::Claimed claimed;
  if (owners_.is_gone(claim_command.owner)) {
    effects.answer = std::move(claimed);
    return;
  }
  bool at_most_once = false;
  const std::uint32_t count = std::min(claim_command.count, kMostClaimed);
  claim(claim_command, queues, count, claimed, effects.records, at_most_once, effects);
  if (!claimed.jobs.empty()) {
    effects.answer = std::move(claimed);
    effects.wait = at_most_once ? Wait::synced : Wait::written;
    return;
  }
  // What this caller has added a moment ago, in the same pipeline, is there once it is committed.
  const bool comes = std::any_of(queues.begin(), queues.end(), [&](QueueIndex queue) {
    return queues_[queue].pending > 0 && !queues_[queue].pause_out;
  });
  if (!claim_command.blocking && !comes) {
    effects.answer = std::move(claimed);
    return;
  }
  Waiter waiter;
  waiter.claim = claim_command;
  waiter.queues = queues;
  if (!claim_command.blocking || claim_command.fill) waiter.count = count;
  if (!claim_command.blocking) waiter.until_commit = last_key();
  if (claim_command.blocking && claim_command.wait.count() > 0) waiter.deadline = now_ + claim_command.wait;
  if (waiters_.add(claim_command.ticket, std::move(waiter), queues_)) {
    effects.answered = false;
  } else {
    effects.answer = std::move(claimed);
  }
}

void State::answer(const job::CancelClaim& cancel, Effects& effects) {
  const bool waited = waiters_.remove(cancel.ticket, queues_);
  if (waited) effects.served.push_back({.ticket = cancel.ticket});
  effects.answer = job::Statuses{{waited ? job::Status::done : job::Status::not_found}};
}

bool State::holds(job::Key key, job::Token token) const {
  const Slot slot = index_.find(key);
  return slot != 0 && slab_[slot].state == job::State::leased && slab_[slot].token == token;
}

void State::answer(const job::Disown& disown, Effects& effects) {
  for (const Waiters::Ticket ticket : waiters_.tickets()) {
    if (waiters_.find(ticket)->claim.owner != disown.owner) continue;
    waiters_.remove(ticket, queues_);
    effects.served.push_back({.ticket = ticket});
  }
  std::unordered_set<std::uint64_t> spared;
  for (const job::JobRef& each : disown.spared) spared.insert(static_cast<std::uint64_t>(each.token));
  job::Count count;
  for (const Owners::Held& each : owners_.end(disown.owner)) {
    if (spared.contains(static_cast<std::uint64_t>(each.token)) || !holds(each.key, each.token)) continue;
    const Slot slot = index_.find(each.key);
    if (!move(slot, job::Event::release)) continue;
    enqueue(slot);
    note(slot, job::Event::release, effects);
    ++count.count;
  }
  effects.answer = count;
  effects.wait = Wait::written;
}

void State::claim(const job::Claim& claim, std::span<const QueueIndex> queues, std::uint32_t count,
                  job::Claimed& claimed, std::vector<Position>& records, bool& at_most_once, Effects& effects) {
  const auto take_from = [&](QueueIndex queue) {
    const Slot slot = queues_.next(queue);
    if (slot == 0) return false;
    at_most_once = at_most_once || slab_[slot].retry == 0;
    take(slot, claim.lease, claimed, records, effects);
    if (claim.owner != 0) {
      owners_.took(claim.owner, {slab_[slot].key, slab_[slot].token},
                   [this](const Owners::Held& each) { return holds(each.key, each.token); });
    }
    return true;
  };
  if (claim.fair) {
    while (claimed.jobs.size() < count) {
      const QueueIndex queue = behind_share(queues);
      if (queue == 0) return;
      take_from(queue);
    }
    return;
  }
  bool found = true;
  while (found && claimed.jobs.size() < count) {
    found = false;
    for (const QueueIndex queue : queues) {
      for (std::uint32_t turn = 0; turn < queues_[queue].weight && claimed.jobs.size() < count; ++turn) {
        if (!take_from(queue)) break;
        found = true;
      }
    }
  }
}

/// Of the queues that have a job to give, the one that has had least of its share; 0: none has.
QueueIndex State::behind_share(std::span<const QueueIndex> queues) const {
  QueueIndex best = 0;
  for (const QueueIndex queue : queues) {
    if (queues_.next(queue) == 0) continue;
    if (best == 0 || queues_[queue].turns < queues_[best].turns) best = queue;
  }
  return best;
}

void State::take(Slot slot, Millis lease_time, job::Claimed& claimed, std::vector<Position>& records,
                 Effects& effects) {
  Entry& entry = slab_[slot];
  const LaneIndex lane_index = entry.lane;
  const Lane& lane = queues_.lane(lane_index);
  Queue& queue = queues_[lane.queue];
  queues_.pass_turn(slot);
  move(slot, job::Event::claim);
  lease(slot, lease_end(entry, lease_time));
  entry.token = job::Token{epoch_ << 40 | ++tokens_};
  ++queue.jobs_out;
  // A queue that was idle starts level with the others instead of reclaiming what it never asked for.
  queue.turns = std::max(queue.turns, share_ > kStride ? share_ - kStride : 0) + kStride / queue.weight;
  share_ = std::max(share_, queue.turns);
  note(slot, job::Event::claim, effects);
  records.push_back(entry.position);
  job::Delivery& delivery = claimed.jobs.emplace_back();
  delivery.id = id_of(entry);
  delivery.token = entry.token;
  delivery.queue = queue.name;
  delivery.retry = Seconds{entry.retry};
  delivery.priority = lane.priority;
  delivery.nacks = entry.nacks;
  delivery.additional_deliveries = entry.additional;
  delivery.attempts = entry.attempts;
  delivery.crashes = entry.crashes;
}

/// Ends the wait, with whatever there is.
void State::serve(std::uint64_t ticket, Effects& effects) {
  const Waiter waiter = *waiters_.find(ticket);
  Effects::Served served{.ticket = ticket};
  claim(waiter.claim, waiter.queues, waiter.count, served.claimed, served.records, served.synced, effects);
  waiters_.remove(ticket, queues_);
  effects.served.push_back(std::move(served));
}

void State::serve_waiters(Effects& effects) {
  while (!awakened_.empty()) {
    const QueueIndex queue = awakened_.back();
    awakened_.pop_back();
    while (queues_.exists(queue) && queues_[queue].blocked > 0 && queues_.next(queue) != 0) {
      const auto ticket = waiters_.first(queue);
      if (!ticket) break;
      serve(*ticket, effects);
    }
  }
}

}  // namespace coworker::engine
