#include <algorithm>

#include "engine/state.h"

namespace coworker::engine {
namespace {

constexpr std::uint32_t kMostVisits = 2'000;  // keeps a page under a millisecond

std::uint32_t visits(std::uint32_t asked) {
  return std::clamp(asked, 1u, kMostVisits);
}

}  // namespace

job::View State::view_of(Slot slot) const {
  const Entry& entry = slab_[slot];
  const Lane& lane = queues_.lane(entry.lane);
  job::View view;
  view.id = id_of(entry);
  view.queue = queues_[lane.queue].name;
  view.state = entry.state;
  view.priority = lane.priority;
  view.created = std::uint64_t{entry.created} * 1'000'000'000;
  view.ttl_left = Seconds{std::max<std::int64_t>(entry.expires - now_.ms / 1000, 0)};
  view.retry = Seconds{entry.retry};
  view.nacks = entry.nacks;
  view.additional_deliveries = entry.additional;
  view.attempts = entry.attempts;
  view.crashes = entry.crashes;
  if (entry.due != 0) view.due_in = Millis{std::max<std::int64_t>(entry.due - now_.ms, 0)};
  if (lane.group != 0) view.group = queues_.group_name(entry.lane);
  if (const Extra* extra = extra_of(slot)) {
    view.unique_key = extra->unique_key;
    view.origin = extra->origin;
    view.reason = extra->reason;
  }
  return view;
}

job::QueueView State::view_of_queue(QueueIndex index) const {
  const Queue& queue = queues_[index];
  job::QueueView view;
  view.name = queue.name;
  view.ready = queue.ready + queue.pending;
  view.scheduled = queue.scheduled;
  view.leased = queue.leased;
  view.dead = queue.dead;
  view.age = std::chrono::floor<Seconds>(now_ - queue.first_used);
  view.idle = std::chrono::floor<Seconds>(now_ - queue.last_used);
  view.blocked = queue.blocked;
  view.jobs_in = queue.jobs_in;
  view.jobs_out = queue.jobs_out;
  view.pause_in = queue.pause_in;
  view.pause_out = queue.pause_out;
  view.weight = queue.weight;
  view.limit = queue.limit;
  view.group_limit = queue.group_limit;
  view.failure_queue = queue.failure_queue;
  if (const Slot oldest = queues_.oldest(index); oldest != 0) {
    view.oldest_ready = Millis{std::max<std::int64_t>(now_.ms - std::int64_t{slab_[oldest].created} * 1000, 0)};
  }
  return view;
}

void State::answer(const job::SetQueue& set, Effects& effects) {
  const QueueIndex index = queues_.obtain(set.queue, now_);
  Queue& queue = queues_[index];
  queue.pause_in = set.pause_in.value_or(queue.pause_in);
  queue.pause_out = set.pause_out.value_or(queue.pause_out);
  queue.weight = set.weight.value_or(queue.weight);
  queue.limit = set.limit.value_or(queue.limit);
  queue.group_limit = set.group_limit.value_or(queue.group_limit);
  if (set.failure_queue) queues_.set_failure_queue(index, *set.failure_queue);
  queue.last_used = now_;
  if (set.group_limit) queues_.review_groups(index);
  mark(index);
  const std::size_t before = effects.facts.size();
  encode(queue_fact(queue), effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
  effects.answer = view_of_queue(index);
  effects.wait = Wait::synced;
}

void State::answer(const job::Show& show, Effects& effects) {
  const Slot slot = find(show.id);
  if (slot == 0) return;
  effects.answer = view_of(slot);
  effects.records.push_back(slab_[slot].position);
}

void State::answer(const job::QueueStat& stat, Effects& effects) {
  if (const QueueIndex queue = queues_.find(stat.queue); queue != 0) effects.answer = view_of_queue(queue);
}

void State::answer(const job::Peek& peek, Effects& effects) {
  job::Views views;
  const QueueIndex queue = queues_.find(peek.queue);
  const auto count = std::min<std::uint64_t>(static_cast<std::uint64_t>(std::llabs(peek.count)), kMostVisits);
  if (queue != 0 && count > 0) {
    for (const Slot slot : queues_.peek(queue, count, peek.count < 0)) {
      views.jobs.push_back(view_of(slot));
      effects.records.push_back(slab_[slot].position);
    }
  }
  effects.answer = std::move(views);
}

void State::answer(const job::ScanQueues& scan, Effects& effects) {
  job::QueuePage page;
  std::uint64_t at = std::max<std::uint64_t>(scan.cursor, 1);
  for (std::uint32_t left = visits(scan.count); at < queues_.end() && left > 0; ++at, --left) {
    if (queues_.exists(static_cast<QueueIndex>(at))) page.queues.push_back(view_of_queue(static_cast<QueueIndex>(at)));
  }
  page.cursor = at < queues_.end() ? at : 0;
  effects.answer = std::move(page);
}

bool State::wanted(const job::ScanJobs& scan, QueueIndex queue, const Entry& entry) const {
  if (entry.key == job::Key{} || !entry.committed) return false;
  if (scan.queue && queues_.lane(entry.lane).queue != queue) return false;
  if (scan.dead && !entry.dead) return false;
  return scan.states.empty() || std::find(scan.states.begin(), scan.states.end(), entry.state) != scan.states.end();
}

void State::answer(const job::ScanJobs& scan, Effects& effects) {
  job::Views views;
  const QueueIndex queue = scan.queue ? queues_.find(*scan.queue) : 0;
  std::uint64_t at = std::max<std::uint64_t>(scan.cursor, 1);
  const std::uint32_t count = visits(scan.count);
  // Visits up to ten times as many as asked for, so that a filter does not make a page empty too often.
  for (std::uint32_t left = kMostVisits * 10; at < slab_.end() && left > 0 && views.jobs.size() < count; ++at, --left) {
    const Slot slot = static_cast<Slot>(at);
    if (!wanted(scan, queue, slab_[slot])) continue;
    views.jobs.push_back(view_of(slot));
    if (scan.bodies) effects.records.push_back(slab_[slot].position);
  }
  views.cursor = at < slab_.end() ? at : 0;
  effects.answer = std::move(views);
}

std::pair<std::size_t, std::size_t> State::forgettable(const job::ForgetRegisters& forget) const {
  std::pair<std::size_t, std::size_t> found;
  for (auto at = registers_.lower_bound(forget.prefix); at != registers_.end(); ++at) {
    if (!at->first.starts_with(forget.prefix)) break;
    if (at->second >= forget.below) continue;
    found.first += at->first.size();
    ++found.second;
  }
  return found;
}

void State::set_register(std::string_view name, std::uint64_t value) {
  if (value != 0) {
    registers_[std::string{name}] = value;
  } else if (const auto known = registers_.find(name); known != registers_.end()) {
    registers_.erase(known);
  }
}

void State::answer(const job::ForgetRegisters& forget, Effects& effects) {
  job::Count count;
  for (auto at = registers_.lower_bound(forget.prefix); at != registers_.end();) {
    if (!at->first.starts_with(forget.prefix)) break;
    if (at->second >= forget.below) {
      ++at;
      continue;
    }
    note_register(at->first, 0, effects);
    at = registers_.erase(at);
    ++count.count;
  }
  effects.answer = count;
  effects.wait = Wait::written;
}

std::uint64_t State::register_value(std::string_view name) const {
  const auto found = registers_.find(name);
  return found == registers_.end() ? 0 : found->second;
}

void State::answer(const job::Held& question, Effects& effects) {
  job::Statuses statuses;
  statuses.each.resize(question.jobs.size());
  for (std::size_t i = 0; i < question.jobs.size(); ++i) held(question.jobs[i], statuses.each[i]);
  effects.answer = std::move(statuses);
}

void State::answer(const job::Totals&, Effects& effects) {
  effects.answer = totals();
}

}  // namespace coworker::engine
