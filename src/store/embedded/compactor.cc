#include "store/embedded/compactor.h"

#include <utility>

namespace coworker::store {
namespace {

constexpr std::size_t kSlice = 128u << 10;  // bytes read a slice: well under a millisecond

}  // namespace

void Compactor::press() {
  if (used() > state_.live_bytes() + state_.live_bytes() / 8) pressed_until_ = journal_.end();
}

bool Compactor::wants() const {
  if (journal_.segment_count() < 2 || !journal_.writable()) return false;
  if (next_ != 0 || journal_.oldest() < pressed_until_) return true;
  if (journal_.end() < rest_until_) return false;
  // What counts is what the files take: each opening begins a segment, however little is in the last one.
  return journal_.kept_bytes() > 2 * state_.live_bytes() + 4 * journal_.newest_segment().bytes;
}

Result<> Compactor::collect(journal::Position from, journal::Position& next) {
  rewritten_.clear();
  const auto visit = [&](journal::Position at, std::string_view head, std::string_view body) -> Result<> {
    effects_.clear();
    if (auto done = state_.rewrite(at, head, body, effects_); !done) return done;
    if (effects_.items.empty()) return {};
    rewritten_.push_back({effects_.facts, std::string{body}, effects_.items.front()});
    return {};
  };
  auto reached = journal_.scan_oldest(from, kSlice, visit);
  if (!reached) return tl::unexpected{std::move(reached.error()).wrap("compact")};
  next = *reached;
  return {};
}

Result<> Compactor::append() {
  std::size_t bytes = 0;
  for (const Rewritten& each : rewritten_) {
    bytes += journal::Journal::record_bytes(1, each.head.size() + each.body.size());
  }
  if (bytes == 0) return {};
  if (auto room = journal_.reserve(bytes, journal::Urgency::compaction); !room) return room;
  for (Rewritten& each : rewritten_) {
    journal_.begin_record();
    const journal::Position at = journal_.add_item(each.head, each.body);
    journal_.commit_record();
    each.item.body = each.body;
    state_.placed(each.item, at);
  }
  kept_ += bytes;
  return {};
}

Result<> Compactor::slice() {
  if (journal_.segment_count() < 2) return {};
  const auto oldest = journal_.oldest_segment();
  if (oldest.begin != segment_) {
    segment_ = oldest.begin;
    next_ = 0;
    kept_ = 0;
  }
  if (next_ == 0 && state_.nothing_lives_before(oldest.end)) {
    journal_.drop_oldest();
    return {};
  }
  journal::Position reached = 0;
  if (auto done = collect(next_, reached); !done) return done;
  if (auto done = append(); !done) return done;
  next_ = reached;
  if (reached < oldest.end) return {};
  journal_.drop_oldest();
  next_ = 0;
  // Little was won: so much must be appended first that rewriting never doubles the writing.
  if (kept_ * 10 > oldest.bytes * 9) rest_until_ = journal_.end() + kept_;
  return {};
}

}  // namespace coworker::store
