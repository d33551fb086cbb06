#include "journal/tail.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "journal/format.h"
#include "journal/sums.h"

namespace coworker::journal {

Tail::Tail(std::uint64_t identity, Position begin, std::size_t chunk_bytes)
    : identity_{identity}, chunk_bytes_{chunk_bytes}, end_{begin} {}

void Tail::begin_record(Position synced) {
  CW_CHECK(!open_);
  open_ = true;
  built_ = 0;
  mark_ = synced;
  sum_ = record_seed(identity_, end_);
  std::byte* const header = grow(kRecordHeader + (mark_ != 0 ? kMarkBytes : 0));
  std::memset(header, 0, kRecordHeader);
  save(header + 4, kRecordMagic);
  if (mark_ != 0) {
    save(header + 5, kMarked);
    save(header + kRecordHeader, mark_);
  }
}

Position Tail::add_item(std::string_view head, std::string_view body) {
  CW_CHECK(open_);
  CW_CHECK(head.size() <= std::numeric_limits<std::uint32_t>::max());
  CW_CHECK(body.size() <= std::numeric_limits<std::uint32_t>::max());
  const ItemFrame frame{.head_bytes = static_cast<std::uint32_t>(head.size()),
                        .body_bytes = static_cast<std::uint32_t>(body.size())};
  const Position position = end_ + built_;
  std::byte* to = grow(static_cast<std::size_t>(frame.bytes()));
  save(to, frame.head_bytes);
  save(to + 4, frame.body_bytes);
  if (!head.empty()) std::memcpy(to + kItemHeader, head.data(), head.size());
  const std::size_t heads = kItemHeader + head.size();
  const std::uint64_t head_sum = sum_of({to, heads}, record_seed(identity_, position));
  std::uint64_t body_sum = 0;
  if (!body.empty()) {
    std::memcpy(to + heads + kBodySum, body.data(), body.size());
    body_sum = sum_of({to + heads + kBodySum, body.size()}, head_sum);
    save(to + heads, body_sum);
  }
  sum_ = chain(sum_, head_sum, body_sum);
  return position;
}

Position Tail::commit_record() {
  CW_CHECK(open_);
  CW_CHECK(built_ <= std::numeric_limits<std::uint32_t>::max());
  Chunk& chunk = chunks_.back();
  std::byte* const header = chunk.bytes.get() + chunk.used;
  save(header, static_cast<std::uint32_t>(built_));
  save(header + 8, record_sum(header, mark_, sum_));
  chunk.used += built_;
  end_ += built_;
  built_ = 0;
  open_ = false;
  return end_;
}

void Tail::append(Bytes records) {
  CW_CHECK(!open_);
  std::byte* const to = grow(records.size());
  if (!records.empty()) std::memcpy(to, records.data(), records.size());
  chunks_.back().used += built_;
  end_ += built_;
  built_ = 0;
}

std::byte* Tail::grow(std::size_t bytes) {
  if (chunks_.empty() || chunks_.back().capacity - chunks_.back().used - built_ < bytes) add_chunk(bytes);
  Chunk& chunk = chunks_.back();
  std::byte* const place = chunk.bytes.get() + chunk.used + built_;
  built_ += bytes;
  return place;
}

/// A new last chunk, to which the record being built moves.
void Tail::add_chunk(std::size_t bytes) {
  Chunk chunk;
  chunk.begin = end_;
  // A record that outgrows a chunk may well grow further: doubling keeps the copying in bounds.
  chunk.capacity = std::max(chunk_bytes_, built_ == 0 ? bytes : 2 * built_ + bytes);
  if (chunk.capacity == chunk_bytes_ && free_chunk_) {
    chunk.bytes = std::move(free_chunk_);
  } else {
    chunk.bytes = std::make_unique_for_overwrite<std::byte[]>(chunk.capacity);
  }
  if (built_ > 0) std::memcpy(chunk.bytes.get(), chunks_.back().bytes.get() + chunks_.back().used, built_);
  if (!chunks_.empty() && chunks_.back().used == 0) chunks_.pop_back();
  chunks_.push_back(std::move(chunk));
}

const Tail::Chunk& Tail::chunk_of(Position position) const {
  const auto after = std::upper_bound(chunks_.begin(), chunks_.end(), position,
                                      [](Position p, const Chunk& chunk) { return p < chunk.begin; });
  CW_CHECK(after != chunks_.begin());
  return *std::prev(after);
}

Bytes Tail::view(Position from, Position to) const {
  CW_CHECK(begin() <= from && from < to && to <= end_);
  const Chunk& chunk = chunk_of(from);
  const auto offset = static_cast<std::size_t>(from - chunk.begin);
  CW_CHECK(offset < chunk.used);
  return {chunk.bytes.get() + offset,
          static_cast<std::size_t>(std::min<std::uint64_t>(to - from, chunk.used - offset))};
}

void Tail::release(Position position) {
  while (!chunks_.empty() && !open_) {
    Chunk& oldest = chunks_.front();
    if (oldest.begin + oldest.used > position) return;
    // The last chunk goes on to be filled unless nothing fits any more.
    if (chunks_.size() == 1) return;
    if (oldest.capacity == chunk_bytes_) free_chunk_ = std::move(oldest.bytes);
    chunks_.pop_front();
  }
}

}  // namespace coworker::journal
