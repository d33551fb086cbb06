#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "journal/chain.h"
#include "journal/format.h"
#include "journal/hint.h"
#include "journal/journal.h"
#include "journal/segment_file.h"
#include "journal/segment_reader.h"

// Reading items, compaction and hints.
namespace coworker::journal {
namespace {

constexpr std::uint64_t kHintShare = 4;  // a hint file that takes more than that part of its segment saves too little
constexpr std::uint64_t kHintRoom = 8;   // segments that must still fit on the disk
constexpr std::size_t kMostSpares = 3;   // what an add must leave, and one for the next segment

SegmentInfo info_of(const Segment& segment, Position end) {
  return {
      .name = segment.file->name(), .begin = segment.base, .end = std::min(segment.end, end), .bytes = segment.bytes};
}

tl::unexpected<Error> no_item(Position item) {
  return fail(Errc::not_found, fmt::format("the journal holds no item at position {}", item));
}

}  // namespace

const Segment* Journal::segment_of(Position position) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), position,
                                      [](Position p, const Segment& segment) { return p < segment.base; });
  return after == segments_.begin() ? nullptr : &*std::prev(after);
}

Result<NearItem> Journal::recent_item(Position item) const {
  const Bytes bytes = tail_.view(item, end_);
  if (bytes.size() >= kItemHeader && item_frame(bytes).bytes() <= bytes.size()) {
    const ItemView view = next_item(bytes, item);
    return NearItem{as_text(view.head), as_text(view.body)};
  }
  return fail(Errc::corrupt, fmt::format("no item stands at position {} in memory", item));
}

Result<std::optional<NearItem>> Journal::read_nowait(Position item) {
  const Segment* const segment = segment_of(item);
  if (item >= end_ || item < oldest()) return no_item(item);
  if (item >= tail_.begin()) return recent_item(item);
  return read_ahead_.read(*segment->file, item, std::min(segment->end, tail_.begin()));
}

Result<Item> Journal::read(Position item, std::size_t expected) {
  if (item < end_ && item >= tail_.begin() && item >= oldest()) {
    const auto recent = recent_item(item);
    if (!recent) return tl::unexpected{recent.error()};
    return Item{std::string{recent->head}.append(recent->body), recent->head.size()};
  }
  auto pinned = pin(item);
  if (!pinned) return tl::unexpected{pinned.error()};
  return pinned->read(expected);
}

Result<Pin> Journal::pin(Position item) {
  const Segment* const segment = segment_of(item);
  if (item >= written_ || segment == nullptr) return no_item(item);
  return Pin{segment->file, item, std::min(segment->end, written_)};
}

// ---- compaction -----------------------------------------------------------------------------------------

std::vector<SegmentInfo> Journal::segments() const {
  std::vector<SegmentInfo> infos;
  infos.reserve(segments_.size());
  for (const Segment& segment : segments_) infos.push_back(info_of(segment, end_));
  return infos;
}

SegmentInfo Journal::oldest_segment() const {
  CW_CHECK(!segments_.empty());
  return info_of(segments_.front(), end_);
}

SegmentInfo Journal::newest_segment() const {
  CW_CHECK(!segments_.empty());
  return info_of(segments_.back(), end_);
}

Position Journal::oldest() const {
  return segments_.empty() ? tail_.begin() : segments_.front().base;
}

std::uint64_t Journal::kept_bytes() const {
  std::uint64_t sum = spares_.bytes();
  for (const Segment& segment : segments_) sum += segment.bytes + segment.hint_bytes;
  return sum;
}

std::uint64_t Journal::disk_bytes() const {
  std::uint64_t sum = kept_bytes();
  for (const Dropped& dropped : dropped_) sum += dropped.segment.bytes + dropped.segment.hint_bytes;
  std::erase_if(removed_, [](const auto& removed) { return removed.first.expired(); });
  for (const auto& [file, bytes] : removed_) sum += bytes;
  return sum;
}

Result<Position> Journal::scan_oldest(Position from, std::size_t max_bytes, const Visit& visit) {
  CW_CHECK(segments_.size() > 1);
  const Segment& oldest = segments_.front();
  // What is not synced may be lost although no damage was done.
  if (synced_ < oldest.end) {
    const std::uint64_t before = generation_;
    if (auto done = sync(); !done) return tl::unexpected{done.error()};
    if (generation_ != before) return fail(Errc::conflict, "the oldest segment has been replaced: scan it anew");
  }
  SegmentReader reader{*oldest.file, identity_, std::max(from, oldest.base), oldest.end,
                       std::clamp<std::size_t>(max_bytes, kPage, std::size_t{1} << 20)};
  const Position begin = reader.position();
  while (reader.position() < oldest.end && reader.position() - begin <= max_bytes) {
    const auto record = reader.next();
    if (!record) return tl::unexpected{record.error()};
    if (!*record) return tl::unexpected{oldest.file->damaged(reader.position(), "bad record")};
    Bytes items = (*record)->items;
    Position position = (*record)->items_begin();
    while (!items.empty()) {
      const ItemView item = next_item(items, position);
      if (auto visited = visit(position, as_text(item.head), as_text(item.body)); !visited) {
        return tl::unexpected{visited.error()};
      }
      items = items.subspan(static_cast<std::size_t>(item.bytes));
      position += item.bytes;
    }
  }
  return reader.position();
}

void Journal::drop_oldest() {
  CW_CHECK(segments_.size() > 1);
  if (written_ < segments_.front().end) {
    const std::uint64_t before = generation_;
    // When that fails, the segment's records go to another one; the owner finds them there.
    if (!write_out() || generation_ != before) return;
  }
  dropped_.push_back({.segment = std::move(segments_.front()), .after = end_});
  segments_.pop_front();
  measure_segments();
  remove_dropped();
}

/// Void segments go before any that is dropped, as it may be the one that makes them void. What cannot be removed
/// now is tried again.
void Journal::remove_void() {
  std::erase_if(void_names_, [&](const std::string& name) {
    const auto removed = disk_.remove(name);
    if (removed) ++names_changed_;
    return removed || removed.error().code() == Errc::not_found;
  });
}

/// One at a time, each after the directory is synced: were an older one back after a crash and a younger one
/// not, then what the younger one undid would be undone no more.
void Journal::remove_dropped() {
  remove_void();
  if (!void_names_.empty()) return;
  while (!dropped_.empty() && dropped_.front().after <= synced_ && names_synced_ == names_changed_) {
    Segment& segment = dropped_.front().segment;
    if (segment.hint_bytes > 0) static_cast<void>(disk_.remove(hint_name(segment.base)));
    segment.hint_bytes = 0;
    if (!reuse(segment)) {
      const auto removed = disk_.remove(segment.file->name());
      if (!removed && removed.error().code() != Errc::not_found) return;
      removed_.emplace_back(segment.file, segment.bytes);
    }
    ++names_changed_;
    dropped_.pop_front();
  }
}

/// Its file becomes a spare one, if it is of the right size, one more is of use, and nobody reads it: of a dropped
/// segment no new pins are made.
bool Journal::reuse(const Segment& segment) {
  if (!segment.made_here || segment.bytes != segment_bytes_ || spares_.count() >= kMostSpares) return false;
  if (segment.file.use_count() > 1 || segment.file->sync_has_failed()) return false;
  return spares_.reuse(segment.file->shared_file(), segment.file->name(), segment.bytes).has_value();
}

// ---- hints ----------------------------------------------------------------------------------------------

void Journal::want_hint(const Segment& segment, std::uint64_t hint_bytes) {
  if (hint_bytes > 0 && hint_bytes <= (segment.end - segment.base) / kHintShare) hints_wanted_.push_back(segment.base);
}

void Journal::want_hints(const Chain& chain, const std::vector<std::uint64_t>& hint_bytes) {
  for (std::size_t i = 0; i + 1 < hint_bytes.size(); ++i) {
    const FoundSegment& found = chain.segments[i];
    want_hint({.file = found.file, .base = found.header.base, .end = found.limit}, hint_bytes[i]);
  }
}

bool Journal::has_hint(const std::string& name) const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [&](const Segment& segment) { return segment.hint_bytes > 0 && hint_name(segment.base) == name; });
}

std::optional<HintTask> Journal::start_hint() {
  while (!hints_wanted_.empty() && writable()) {
    const Segment* const segment = segment_of(hints_wanted_.front());
    if (segment != nullptr && segment->base == hints_wanted_.front() && segment->end != kNoLimit) {
      if (segment->end > synced_) return std::nullopt;
      const auto space = disk_.space();
      // It is a luxury: never at the cost of what is needed.
      if (!space || space->free < kHintRoom * segment->bytes) return std::nullopt;
      hints_wanted_.pop_front();
      HintTask task;
      task.disk_ = &disk_;
      task.file_ = segment->file;
      task.key_ = {.identity = identity_, .base = segment->base, .end = segment->end, .serial = segment->serial};
      return task;
    }
    hints_wanted_.pop_front();
  }
  return std::nullopt;
}

void Journal::finish_hint(const HintTask& task, const Result<std::uint64_t>& result) {
  if (!result) return;
  for (Segment& segment : segments_) {
    if (segment.serial == task.key_.serial) {
      segment.hint_bytes = *result;
      return;
    }
  }
  static_cast<void>(disk_.remove(hint_name(task.key_.base)));  // dropped meanwhile
}

}  // namespace coworker::journal
