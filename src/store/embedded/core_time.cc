#include <algorithm>

#include "base/check.h"
#include "store/embedded/core.h"
#include "store/embedded/cost.h"

// What the core does by itself: what is due, purges, compaction.
namespace coworker::store {
namespace {

// Events a tick: about half a millisecond, and not more room than a small disk has.
constexpr std::size_t kTickBudget = 500;
constexpr std::size_t kTickBytes = 256u << 10;

}  // namespace

bool Core::tick_engine() {
  const std::size_t most = kFactBytes + engine::kMostReason + 2 * state_->longest_name() + engine::kFailureQueue.size();
  const auto next = state_->next_event();
  if (!next || *next > now()) {
    state_->idle(now());
    return false;
  }
  const std::size_t budget = std::clamp<std::size_t>(kTickBytes / most, 1, kTickBudget);
  if (!reserve(budget * most, budget, journal::Urgency::vital)) return false;
  effects_.clear();
  state_->tick(now(), static_cast<std::uint32_t>(budget), effects_);
  append();
  const bool more = effects_.more;
  answer_served();
  return more;
}

/// One slice of the first purge.
void Core::purge_slice() {
  Purging& purging = purges_.front();
  const Cost cost = cost_of(purging.rest, *state_);
  if (auto room = reserve(cost.bytes, cost.wakes, journal::Urgency::vital); !room) {
    const Done done = std::move(purging.done);
    purges_.pop_front();
    return done(tl::unexpected{std::move(room.error()).wrap("purge in store '" + disk_.where() + "'")});
  }
  effects_.clear();
  CW_CHECK(state_->apply(purging.rest, now(), effects_));
  append();
  const auto slice = std::get<job::Count>(effects_.answer);
  purging.removed += slice.count;
  purging.rest.cursor = slice.cursor;
  if (slice.cursor != 0) return answer_served();
  effects_.answer = job::Count{.count = purging.removed};
  Done done = std::move(purging.done);
  purges_.pop_front();
  settle(true, std::move(done));
}

bool Core::tick() {
  if (!journal_->writable() && journal_->try_resume()) options_.log(log::Level::info, "the store can be written again");
  bool more = tick_engine();
  if (!purges_.empty()) purge_slice();
  more = more || !purges_.empty();
  if (compactor_->wants()) {
    auto done = compactor_->slice();
    if (!done && done.error().code() != compaction_trouble_) options_.log(log::Level::warning, done.error().message());
    compaction_trouble_ = done ? std::nullopt : std::optional{done.error().code()};
    more = more || (done && compactor_->wants());
  }
  segments_at_tick_ = journal_->segment_count();
  return more;
}

Millis Core::until_tick(Millis most) const {
  // With each new segment an old one may be done with; its file is soon of use again.
  if (!purges_.empty() || journal_->segment_count() > segments_at_tick_) return Millis{0};
  const auto next = state_->next_event();
  if (!next) return most;
  return std::clamp(*next - now(), Millis{0}, most);
}

}  // namespace coworker::store
