#include "engine/state.h"

#include "job/validate.h"

namespace coworker::engine {

void Effects::clear() {
  facts.clear();
  items.clear();
  answered = true;
  answer = std::monostate{};
  records.clear();
  wait = Wait::nothing;
  served.clear();
  more = false;
}

State::State(IdMint mint) : mint_{mint} {}

Result<> State::apply(const job::Command& command, Time now, Effects& effects) {
  if (auto valid = job::validate(command, now); !valid) return valid;
  now_ = std::max(now_, now);
  std::visit([&](const auto& each) { answer(each, effects); }, command);
  serve_waiters(effects);
  return {};
}

void State::commit(job::Key key, Time now, Effects& effects) {
  now_ = std::max(now_, now);
  while (pending_head_ != 0 && slab_[pending_head_].key <= key) {
    const Slot slot = pending_head_;
    const std::int64_t due = slab_[slot].due;
    detach(slot);
    slab_[slot].committed = true;
    due > now_.ms ? schedule(slot, due) : enqueue(slot);
  }
  serve_waiters(effects);
  while (const auto ticket = waiters_.committed(key)) serve(*ticket, effects);
}

void State::placed(const Effects::Item& item, Position position) {
  if (item.slot != 0) set_record(slab_[item.slot], position, item.size + item.body.size());
  if (item.once == nullptr) return;
  if (item.once->position != 0) records_.remove(item.once->position);
  records_.add(item.once->position = position);
}

/// Where the job's full record stands now; 0: it has none any more.
void State::set_record(Entry& entry, Position position, std::uint64_t bytes) {
  if (entry.position != 0) records_.remove(entry.position);
  if (position != 0) records_.add(position);
  entry.position = position;
  live_bytes_ -= size_of_code(entry.size);
  entry.size = size_code(bytes);
  live_bytes_ += size_of_code(entry.size);
}

job::StoreTotals State::totals() const {
  job::StoreTotals totals = totals_;
  totals.jobs = index_.size();
  totals.queues = queues_.count();
  for (QueueIndex queue = 1; queue < queues_.end(); ++queue) {
    totals.ready += queues_[queue].ready + queues_[queue].pending;
    totals.scheduled += queues_[queue].scheduled;
    totals.leased += queues_[queue].leased;
  }
  totals.memory = memory();
  return totals;
}

std::uint64_t State::memory() const {
  return slab_.bytes() + index_.bytes() + expiry_.bytes() + queues_.bytes() + extras_.size() * (sizeof(Extra) + 32) +
         unique_.size() * 64;
}

}  // namespace coworker::engine
