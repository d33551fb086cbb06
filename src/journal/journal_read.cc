#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "journal/format.h"
#include "journal/journal.h"
#include "journal/segment_file.h"
#include "journal/segment_reader.h"

// Reading items, and compaction.
namespace coworker::journal {
namespace {

tl::unexpected<Error> no_item(Position item) {
  return fail(Errc::not_found, fmt::format("the journal holds no item at position {}", item));
}

}  // namespace

const Journal::Segment* Journal::segment_of(Position position) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), position,
                                      [](Position p, const Segment& segment) { return p < segment.base; });
  return after == segments_.begin() ? nullptr : &*std::prev(after);
}

Result<std::optional<Item>> Journal::recent_item(Position item) const {
  const Bytes bytes = tail_.view(item, end_);
  if (bytes.size() >= kItemHeader && item_frame(bytes).bytes() <= bytes.size()) {
    if (auto unpacked = unpack_item(bytes, item, identity_)) return unpacked;
  }
  return fail(Errc::corrupt, fmt::format("no item stands at position {} in memory", item));
}

Result<std::optional<Item>> Journal::read_nowait(Position item, std::size_t expected) {
  const Segment* const segment = segment_of(item);
  if (item >= end_ || item < oldest()) return no_item(item);
  if (item >= tail_.begin()) return recent_item(item);
  return segment->file->read_item_nowait(item, std::min(segment->end, tail_.begin()), expected);
}

Result<Item> Journal::read(Position item, std::size_t expected) {
  if (item < end_ && item >= tail_.begin() && item >= oldest()) {
    auto recent = recent_item(item);
    if (!recent) return tl::unexpected{recent.error()};
    return std::move(**recent);
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
  for (const Segment& segment : segments_) {
    infos.push_back({.name = segment.file->name(),
                     .begin = segment.base,
                     .end = std::min(segment.end, end_),
                     .bytes = segment.bytes});
  }
  return infos;
}

Position Journal::oldest() const {
  return segments_.empty() ? tail_.begin() : segments_.front().base;
}

std::uint64_t Journal::disk_bytes() const {
  std::uint64_t sum = spares_.bytes();
  for (const Segment& segment : segments_) sum += segment.bytes;
  for (const Dropped& dropped : dropped_) sum += dropped.segment.bytes;
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
    const Segment& segment = dropped_.front().segment;
    const auto removed = disk_.remove(segment.file->name());
    if (!removed && removed.error().code() != Errc::not_found) return;
    ++names_changed_;
    removed_.emplace_back(segment.file, segment.bytes);
    dropped_.pop_front();
  }
}

}  // namespace coworker::journal
