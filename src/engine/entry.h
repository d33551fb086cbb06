#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "job/id.h"
#include "job/lifecycle.h"

namespace coworker::engine {

/// Where a job's record stands in the journal; opaque here.
using Position = std::uint64_t;

/// An entry's place in the slab. 0 is none.
using Slot = std::uint32_t;

/// What the engine keeps in memory of one job: 80 bytes, whatever the size of its body. Text that few
/// jobs have (unique key, origin, reason) stands beside it, in Extra.
struct Entry {
  enum class Place : std::uint8_t { nowhere, pending, list, tree, timer_list, timer_tree };

  job::Key key{};         // 0: the slot is free, and `left` is the next free one
  Position position = 0;  // of the full record
  std::int64_t due = 0;   // scheduled, leased: ms; 0: never
  job::Token token{};     // leased: of the claim that holds it
  Slot left = 0;          // links of the one ordered structure it stands in (place);
  Slot right = 0;         //   in lists: previous and next
  Slot up = 0;
  Slot expiry_previous = 0;  // ring of the jobs that expire in the same second
  Slot expiry_next = 0;
  std::uint32_t expires = 0;     // seconds since the Unix epoch
  std::uint32_t created = 0;     // seconds since the Unix epoch
  std::uint32_t retry = 0;       // seconds; 0: at most once
  std::uint32_t lane = 0;        // queue, priority and group
  std::uint16_t ttl_digits = 0;  // of the id
  std::uint16_t nacks = 0;
  std::uint16_t additional = 0;
  std::uint16_t attempts = 0;
  std::uint8_t crashes = 0;
  std::uint8_t size = 0;  // of the full record, see size_code
  job::State state : 2 = job::State::ready;
  Place place : 3 = Place::nowhere;
  bool committed : 1 = false;
  bool queued_once : 1 = false;
  bool bury_on_expiry : 1 = false;
  bool dead : 1 = false;   // in a failure queue
  bool extra : 1 = false;  // has text in Extra
};
static_assert(sizeof(Entry) <= 80);

/// A record's size in a byte: 3 bits behind the leading one, so true within an eighth.
constexpr std::uint8_t size_code(std::uint64_t bytes) {
  if (bytes < 16) return static_cast<std::uint8_t>(bytes);
  const int shift = 60 - std::countl_zero(bytes);  // leaves 4 bits
  return static_cast<std::uint8_t>(8 * (shift + 1) + static_cast<int>((bytes >> shift) & 7));
}
constexpr std::uint64_t size_of_code(std::uint8_t code) {
  if (code < 16) return code;
  const int shift = code / 8 - 1;
  return (std::uint64_t{8} + code % 8) << shift;
}
static_assert(size_of_code(size_code(15)) == 15 && size_of_code(size_code(16)) == 16);
static_assert(size_of_code(size_code(300)) == 288);

/// Entries by slot, in chunks that never move. Freed slots are used again.
class Slab {
 public:
  Slab() { chunks_.push_back(std::make_unique<Entry[]>(kChunk)); }

  Entry& operator[](Slot slot) { return chunks_[slot / kChunk][slot % kChunk]; }
  const Entry& operator[](Slot slot) const { return chunks_[slot / kChunk][slot % kChunk]; }

  Slot take() {
    if (free_ != 0) {
      const Slot slot = free_;
      Entry& entry = (*this)[slot];
      free_ = entry.left;
      entry = Entry{};
      return slot;
    }
    if (end_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    return end_++;
  }

  void give(Slot slot) {
    Entry& entry = (*this)[slot];
    entry = Entry{};
    entry.left = free_;
    free_ = slot;
  }

  /// One past the greatest slot ever taken.
  Slot end() const { return end_; }

  std::uint64_t bytes() const { return chunks_.size() * (kChunk * sizeof(Entry) + sizeof(void*)); }

 private:
  static constexpr std::uint32_t kChunk = 8192;

  std::vector<std::unique_ptr<Entry[]>> chunks_;
  Slot free_ = 0;
  Slot end_ = 1;
};

}  // namespace coworker::engine
