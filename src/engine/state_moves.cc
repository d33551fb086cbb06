#include <algorithm>

#include "engine/state.h"

namespace coworker::engine {

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
  timers_.erase(slab_, slot);
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
}

void State::lease(Slot slot, std::int64_t due) {
  Entry& entry = slab_[slot];
  entry.state = job::State::leased;
  entry.due = due;
  queues_.lease_begins(entry.lane);
  timers_.insert(slab_, slot);
}

/// For a detached job: the lane of its priority in another queue. Its group ends.
QueueIndex State::rehouse(Slot slot, const std::string& name) {
  Entry& entry = slab_[slot];
  const LaneIndex old_lane = entry.lane;
  const QueueIndex queue = queues_.obtain(name, now_);
  entry.lane = queues_.join(queue, queues_.lane(old_lane).priority, {});
  queues_.leave(old_lane);
  ++queues_[queue].jobs_in;
  return queue;
}

/// For a detached job. It keeps its id and priority; its group ends.
void State::bury(Slot slot, std::string_view failure_queue, Seconds ttl, std::string_view reason) {
  free_unique_key(slot);
  Entry& entry = slab_[slot];
  const QueueIndex old_queue = queues_.lane(entry.lane).queue;
  const std::string origin = queues_[old_queue].name;
  const QueueIndex queue = rehouse(slot, std::string{failure_queue});
  Extra& extra = make_extra(slot);
  const bool came_from_here = entry.dead && queue == old_queue;
  if (!entry.dead) extra.origin = origin;
  extra.reason = reason;
  entry.dead = true;
  entry.bury_on_expiry = false;
  set_expiry(slot, (now_.ms + ttl.count() * 1000 + 999) / 1000);
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

}  // namespace coworker::engine
