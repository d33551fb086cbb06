#include <algorithm>

#include "base/bytes.h"
#include "engine/state.h"

namespace coworker::engine {
namespace {

constexpr std::uint32_t kCheckpointVersion = 1;

}  // namespace

// Checkpoint: version u32 · clock ms i64 · added, acked, expired, buried, leases_ended u64 · queues u32, each
// jobs_in u64 · jobs_out u64 · first used ms i64 · its fact as text · registers u32, each its fact as text.

std::string State::checkpoint() const {
  std::string bytes;
  ByteWriter to{bytes};
  to.put(kCheckpointVersion).put(now_.ms);
  to.put(totals_.added).put(totals_.acked).put(totals_.expired).put(totals_.buried).put(totals_.leases_ended);
  to.put(static_cast<std::uint32_t>(queues_.count()));
  std::string fact;
  for (QueueIndex index = 1; index < queues_.end(); ++index) {
    if (!queues_.exists(index)) continue;
    const Queue& queue = queues_[index];
    fact.clear();
    encode(queue_fact(queue), fact);
    to.put(queue.jobs_in).put(queue.jobs_out).put(queue.first_used.ms).text(fact);
  }
  to.put(static_cast<std::uint32_t>(registers_.size()));
  for (const auto& [name, value] : registers_) {
    fact.clear();
    encode(RegisterFact{value, name}, fact);
    to.text(fact);
  }
  return bytes;
}

Result<> State::restore_checkpoint(Position as_of, std::string_view bytes) {
  counted_ = std::max(counted_, as_of);
  if (bytes.empty()) return {};
  ByteReader from{bytes};
  if (from.get<std::uint32_t>() != kCheckpointVersion) return fail(Errc::corrupt, "checkpoint of an unknown version");
  now_.ms = std::max(now_.ms, from.get<std::int64_t>());
  totals_.added = from.get<std::uint64_t>();
  totals_.acked = from.get<std::uint64_t>();
  totals_.expired = from.get<std::uint64_t>();
  totals_.buried = from.get<std::uint64_t>();
  totals_.leases_ended = from.get<std::uint64_t>();
  for (auto left = from.get<std::uint32_t>(); left > 0 && from.ok(); --left) {
    const auto jobs_in = from.get<std::uint64_t>();
    const auto jobs_out = from.get<std::uint64_t>();
    const auto first_used = from.get<std::int64_t>();
    const auto fact = decode_queue(from.text());
    if (!fact) return tl::unexpected{fact.error()};
    restore_queue(*fact);
    Queue& queue = queues_[queues_.find(fact->name)];
    queue.jobs_in = jobs_in;
    queue.jobs_out = jobs_out;
    queue.first_used.ms = first_used;
  }
  for (auto left = from.get<std::uint32_t>(); left > 0 && from.ok(); --left) {
    const auto fact = decode_register(from.text());
    if (!fact) return tl::unexpected{fact.error()};
    set_register(fact->name, fact->value);
  }
  if (!from.ok()) return fail(Errc::corrupt, "checkpoint ends too early");
  return {};
}

Result<> State::replay(Position position, std::string_view bytes, std::uint32_t body_bytes) {
  const bool count = position >= counted_;
  const auto kind = kind_of(bytes);
  if (!kind) return tl::unexpected{kind.error()};
  switch (*kind) {
    case FactKind::job:
      return replay_job(position, bytes, body_bytes, count);
    case FactKind::state:
      return decode_state(bytes).map([&](const StateFact& fact) { replay_state(fact, count); });
    case FactKind::moved:
      return decode_moved(bytes).map([&](const MovedFact& fact) { replay_moved(fact, count); });
    case FactKind::removed:
      return decode_removed(bytes).map([&](const RemovedFact& fact) { replay_removed(fact, count); });
    case FactKind::clock:
      return decode_clock(bytes).map([&](Time at) { now_ = std::max(now_, at); });
    case FactKind::queue:
      return decode_queue(bytes).map([&](const QueueFact& fact) { restore_queue(fact); });
    case FactKind::register_value:
      return decode_register(bytes).map([&](const RegisterFact& fact) { set_register(fact.name, fact.value); });
    case FactKind::once:
      return decode_once(bytes).map([&](const OnceFact& fact) {
        set_once(fact.queue, fact.idempotency_key, Once{fact.key, fact.ttl_digits, fact.expires, position});
      });
  }
  return {};
}

Result<> State::replay_job(Position position, std::string_view bytes, std::uint32_t body_bytes, bool count) {
  const auto fact = decode_job(bytes);
  if (!fact) return tl::unexpected{fact.error()};
  if (Slot known = index_.find(fact->state.key); known != 0) forget_replayed(known);
  const Slot slot = slab_.take();
  Entry& entry = slab_[slot];
  entry.key = fact->state.key;
  entry.created = static_cast<std::uint32_t>(fact->created_ms / 1000);
  entry.retry = fact->retry;
  entry.ttl_digits = fact->ttl_digits;
  entry.bury_on_expiry = fact->bury_on_expiry;
  entry.committed = true;
  const Time created{static_cast<std::int64_t>(fact->created_ms)};
  const QueueIndex queue = queues_.obtain(fact->queue, std::max(now_, created));
  entry.lane = queues_.join(queue, fact->priority, fact->group);
  index_.insert(entry.key, slot);
  if (!fact->unique_key.empty()) make_extra(slot).unique_key = fact->unique_key;
  restore_state(slot, fact->state);
  entry.dead = fact->origin.dead;
  if (!fact->origin.origin.empty()) make_extra(slot).origin = fact->origin.origin;
  set_record(entry, position, bytes.size() + body_bytes);
  if (count && !fact->rewritten) {
    ++totals_.added;
    ++queues_[queue].jobs_in;
  }
  return {};
}

void State::restore_state(Slot slot, const StateFact& fact) {
  Entry& entry = slab_[slot];
  entry.state = fact.state;
  entry.queued_once = fact.queued_once;
  entry.due = fact.due;
  entry.token = fact.token;
  entry.expires = fact.expires;
  entry.nacks = fact.nacks;
  entry.additional = fact.additional;
  entry.attempts = fact.attempts;
  entry.crashes = fact.crashes;
  if (!fact.has_reason) return;
  if (!fact.reason.empty() || entry.extra) make_extra(slot).reason = fact.reason;
}

// A state, move or removal without its job is the rest of one whose record compaction has dropped.

void State::count_replayed(job::Event event, QueueIndex queue) {
  if (event == job::Event::claim) ++queues_[queue].jobs_out;
  if (event == job::Event::ack) ++totals_.acked;
  if (event == job::Event::expire) ++totals_.expired;
  if (event == job::Event::lease_end) ++totals_.leases_ended;
}

void State::replay_state(const StateFact& fact, bool count) {
  const Slot slot = index_.find(fact.key);
  if (slot == 0) return;
  restore_state(slot, fact);
  if (count) count_replayed(fact.event, queues_.lane(slab_[slot].lane).queue);
}

void State::replay_moved(const MovedFact& fact, bool count) {
  const Slot slot = index_.find(fact.state.key);
  if (slot == 0) return;
  Entry& entry = slab_[slot];
  const Lane& old_lane = queues_.lane(entry.lane);
  const QueueIndex queue = queues_.obtain(fact.queue, now_);
  if (count) count_replayed(fact.state.event, old_lane.queue);
  const LaneIndex lane = queues_.join(queue, old_lane.priority, {});
  queues_.leave(entry.lane);
  entry.lane = lane;
  restore_state(slot, fact.state);
  entry.dead = fact.origin.dead;
  entry.bury_on_expiry = !fact.origin.dead;
  Extra& extra = make_extra(slot);
  extra.origin = fact.origin.origin;
  extra.unique_key.clear();
  if (!count) return;
  if (fact.state.event != job::Event::move) ++totals_.buried;
  ++queues_[queue].jobs_in;
}

void State::replay_removed(const RemovedFact& fact, bool count) {
  const Slot slot = index_.find(fact.key);
  if (slot == 0) return;
  if (count) count_replayed(fact.event, queues_.lane(slab_[slot].lane).queue);
  forget_replayed(slot);
}

/// During replay a job stands in the index and its lane's count, and nowhere else.
void State::forget_replayed(Slot slot) {
  if (slab_[slot].extra) extras_.erase(slot);
  set_record(slab_[slot], 0, 0);
  index_.erase(slab_[slot].key);
  queues_.leave(slab_[slot].lane);
  slab_.give(slot);
}

void State::restore_queue(const QueueFact& fact) {
  const QueueIndex index = queues_.obtain(fact.name, now_);
  Queue& queue = queues_[index];
  queue.pause_in = fact.pause_in;
  queue.pause_out = fact.pause_out;
  queue.weight = fact.weight;
  queue.limit = fact.limit;
  queue.group_limit = fact.group_limit;
  queues_.set_failure_queue(index, fact.failure_queue);
}

QueueFact State::queue_fact(const Queue& queue) const {
  return QueueFact{queue.pause_in,    queue.pause_out, queue.weight,       queue.limit,
                   queue.group_limit, queue.name,      queue.failure_queue};
}

void State::start(std::uint32_t epoch, Time now, Time expire_from) {
  epoch_ = epoch;
  keys_ = tokens_ = 0;
  now_ = std::max(now_, now);
  expire_from_ = expire_from;
  std::vector<std::pair<job::Key, Slot>> order;
  order.reserve(index_.size());
  for (Slot slot = 1; slot < slab_.end(); ++slot) {
    if (slab_[slot].key != job::Key{}) order.emplace_back(slab_[slot].key, slot);
  }
  if (!std::is_sorted(order.begin(), order.end())) std::sort(order.begin(), order.end());
  for (const auto& [key, slot] : order) settle(slot);
  for (QueueIndex index = 1; index < queues_.end(); ++index) {
    Queue& queue = queues_[index];
    queue.last_used = now_;
    // Records do not tell the time: a queue that no checkpoint knows is as old as its first job.
    if (queue.first_used == Time{} || queue.first_used > now_) queue.first_used = now_;
  }
  awakened_.clear();
}

/// Puts a replayed job where its state says.
void State::settle(Slot slot) {
  Entry& entry = slab_[slot];
  expiry_.insert(slab_, slot);
  if (const Extra* extra = extra_of(slot); extra != nullptr && !extra->unique_key.empty()) {
    const QueueIndex queue = queues_.lane(entry.lane).queue;
    unique_[unique_name(queue, extra->unique_key)] = slot;
  }
  switch (entry.state) {
    case job::State::ready:
      enqueue(slot);
      return;
    case job::State::scheduled:
      schedule(slot, entry.due);
      return;
    case job::State::leased:
      lease(slot, entry.due);
      return;
    case job::State::gone:
      return;
  }
}

Result<> State::rewrite(Position position, std::string_view bytes, std::string_view body, Effects& effects) {
  const auto kind = kind_of(bytes);
  if (!kind) return tl::unexpected{kind.error()};
  if (*kind == FactKind::job) {
    const auto fact = decode_job(bytes);
    if (!fact) return tl::unexpected{fact.error()};
    const Slot slot = index_.find(fact->state.key);
    if (slot == 0 || slab_[slot].position != position) return {};
    JobFact cold = *fact;
    cold.rewritten = true;
    note_job(slot, cold, body, effects);
  } else if (*kind == FactKind::once) {
    const auto fact = decode_once(bytes);
    if (!fact) return tl::unexpected{fact.error()};
    Once* once = once_.find(fact->queue, fact->idempotency_key);
    if (once == nullptr || once->position != position) return {};
    encode(*fact, effects.facts);
    effects.items.push_back({.size = static_cast<std::uint32_t>(bytes.size()), .once = once});
  }
  return {};
}

}  // namespace coworker::engine
