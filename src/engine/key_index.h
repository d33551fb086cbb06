#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "engine/entry.h"

namespace coworker::engine {

/// Finds a job's slot by its key: open addressing with linear probing over 4-byte slots, the keys
/// themselves standing in the slab. Split into shards, so that growing moves a thousandth of the jobs
/// at a time and no single add pays for all.
class KeyIndex {
 public:
  explicit KeyIndex(const Slab& slab) : slab_{slab} {}

  Slot find(job::Key key) const {
    const std::uint64_t hash = mix(key);
    const Shard& shard = shards_[hash % kShards];
    if (shard.slots.empty()) return 0;
    const std::size_t mask = shard.slots.size() - 1;
    for (std::size_t at = (hash >> 10) & mask; shard.slots[at] != 0; at = (at + 1) & mask) {
      if (slab_[shard.slots[at]].key == key) return shard.slots[at];
    }
    return 0;
  }

  /// The key must not be in it yet.
  void insert(Slot slot) {
    const std::uint64_t hash = mix(slab_[slot].key);
    Shard& shard = shards_[hash % kShards];
    if ((shard.used + 1) * 8 > shard.slots.size() * 7) grow(shard);
    place(shard, hash, slot);
    ++shard.used;
    ++size_;
  }

  void erase(job::Key key) {
    const std::uint64_t hash = mix(key);
    Shard& shard = shards_[hash % kShards];
    if (shard.slots.empty()) return;
    const std::size_t mask = shard.slots.size() - 1;
    std::size_t hole = (hash >> 10) & mask;
    while (shard.slots[hole] != 0 && slab_[shard.slots[hole]].key != key) hole = (hole + 1) & mask;
    if (shard.slots[hole] == 0) return;
    // Backward shift: move up whatever would no longer be found across the hole.
    for (std::size_t at = (hole + 1) & mask; shard.slots[at] != 0; at = (at + 1) & mask) {
      const std::size_t home = (mix(slab_[shard.slots[at]].key) >> 10) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      shard.slots[hole] = shard.slots[at];
      hole = at;
    }
    shard.slots[hole] = 0;
    --shard.used;
    --size_;
    if (shard.slots.size() > kLeast && shard.used * 8 < shard.slots.size()) shrink(shard);
  }

  std::uint64_t size() const { return size_; }

  std::uint64_t bytes() const {
    std::uint64_t total = 0;
    for (const Shard& shard : shards_) total += shard.slots.capacity() * sizeof(Slot);
    return total;
  }

 private:
  static constexpr std::size_t kShards = 1024;
  static constexpr std::size_t kLeast = 16;

  struct Shard {
    std::vector<Slot> slots;
    std::size_t used = 0;
  };

  static std::uint64_t mix(job::Key key) {
    auto x = static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15u;
    return x ^ (x >> 29);
  }

  void place(Shard& shard, std::uint64_t hash, Slot slot) {
    const std::size_t mask = shard.slots.size() - 1;
    std::size_t at = (hash >> 10) & mask;
    while (shard.slots[at] != 0) at = (at + 1) & mask;
    shard.slots[at] = slot;
  }

  void rebuild(Shard& shard, std::size_t capacity) {
    std::vector<Slot> old(capacity, 0);
    old.swap(shard.slots);
    for (const Slot slot : old) {
      if (slot != 0) place(shard, mix(slab_[slot].key), slot);
    }
  }
  void grow(Shard& shard) { rebuild(shard, shard.slots.empty() ? kLeast : shard.slots.size() * 2); }
  void shrink(Shard& shard) { rebuild(shard, shard.slots.size() / 2); }

  const Slab& slab_;
  std::array<Shard, kShards> shards_;
  std::uint64_t size_ = 0;
};

}  // namespace coworker::engine
