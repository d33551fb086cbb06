#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/entry.h"

namespace coworker::engine {

/// Finds a job's slot by its key: open addressing over 4-byte slots, the keys themselves standing in the
/// slab. Split into shards, so that growing moves a thousandth of the jobs at a time and no single add
/// pays for all.
///
/// Beside each slot stands how far it is from its home, which keeps the slab out of nearly all looks: with
/// millions of jobs each look there would wait for memory. Slots with one home stand together, nearer homes
/// first (Robin Hood hashing), so a search ends as soon as it has gone further than what it finds.
class KeyIndex {
 public:
  explicit KeyIndex(const Slab& slab) : slab_{slab} {}

  Slot find(job::Key key) const {
    const std::uint64_t hash = mix(key);
    const Shard& shard = shards_[hash % kShards];
    if (shard.groups.empty()) return 0;
    Place at = shard.home(hash);
    for (unsigned distance = 1; shard.distance(at) >= distance; ++distance, at = shard.after(at)) {
      if (shard.distance(at) == distance && slab_[shard.slot(at)].key == key) return shard.slot(at);
    }
    return 0;
  }

  /// Has the memory that `find` needs come nearer, for one who looks for many keys.
  void prefetch(job::Key key) const {
    const std::uint64_t hash = mix(key);
    const Shard& shard = shards_[hash % kShards];
    if (!shard.groups.empty()) __builtin_prefetch(&shard.groups[shard.home(hash).group]);
  }

  /// The key must not be in it yet.
  void insert(Slot slot) {
    Shard& shard = shards_[mix(slab_[slot].key) % kShards];
    if ((shard.used + 1) * 5 > shard.cells() * 4) resize(shard, shard.groups.size() * 3 / 2 + 1);
    while (!place(shard, slot)) resize(shard, shard.groups.size() * 3 / 2 + 1);
    ++size_;
  }

  /// It must be in it, under the key that its entry still has.
  void erase(Slot slot) {
    const std::uint64_t hash = mix(slab_[slot].key);
    Shard& shard = shards_[hash % kShards];
    Place hole = shard.home(hash);
    while (shard.slot(hole) != slot) hole = shard.after(hole);
    // What is not at home behind it moves one nearer.
    for (Place at = shard.after(hole); shard.distance(at) > 1; hole = at, at = shard.after(at)) {
      shard.slot(hole) = shard.slot(at);
      shard.distance(hole) = static_cast<std::uint8_t>(shard.distance(at) - 1);
    }
    shard.slot(hole) = 0;
    shard.distance(hole) = 0;
    --shard.used;
    --size_;
    if (shard.groups.size() > 2 && shard.used * 4 < shard.cells()) resize(shard, shard.groups.size() / 2);
  }

  std::uint64_t size() const { return size_; }

  std::uint64_t bytes() const {
    std::uint64_t total = 0;
    for (const Shard& shard : shards_) total += shard.groups.capacity() * sizeof(Group);
    return total;
  }

 private:
  static constexpr std::size_t kShards = 1024;
  static constexpr std::size_t kGroup = 12;
  static constexpr unsigned kMostDistance = 255;

  /// A line of the processor's cache.
  struct alignas(64) Group {
    std::array<Slot, kGroup> slots{};
    std::array<std::uint8_t, kGroup> distances{};  // from home, plus 1; 0: the cell is free
  };

  struct Place {
    std::size_t group;
    std::size_t cell;
  };

  struct Shard {
    std::vector<Group> groups;
    std::size_t used = 0;

    std::size_t cells() const { return groups.size() * kGroup; }
    Place home(std::uint64_t hash) const {
      const std::size_t cell = (hash >> 32) * cells() >> 32;
      return {cell / kGroup, cell % kGroup};
    }
    Place after(Place at) const {
      if (++at.cell < kGroup) return at;
      return {at.group + 1 < groups.size() ? at.group + 1 : 0, 0};
    }
    Slot& slot(Place at) { return groups[at.group].slots[at.cell]; }
    Slot slot(Place at) const { return groups[at.group].slots[at.cell]; }
    std::uint8_t& distance(Place at) { return groups[at.group].distances[at.cell]; }
    std::uint8_t distance(Place at) const { return groups[at.group].distances[at.cell]; }
  };

  static std::uint64_t mix(job::Key key) {
    auto x = static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15u;
    return x ^ (x >> 29);
  }

  /// False: it is too far from home, and what had to give way to it is left in `slot`, not placed.
  bool place(Shard& shard, Slot& slot) {
    Place at = shard.home(mix(slab_[slot].key));
    for (unsigned distance = 1; distance <= kMostDistance; ++distance, at = shard.after(at)) {
      const unsigned there = shard.distance(at);
      if (there >= distance) continue;
      std::swap(shard.slot(at), slot);
      shard.distance(at) = static_cast<std::uint8_t>(distance);
      if (there == 0) {
        ++shard.used;
        return true;
      }
      distance = there;
    }
    return false;
  }

  void resize(Shard& shard, std::size_t groups) {
    std::vector<Group> old(groups);
    old.swap(shard.groups);
    shard.used = 0;
    for (std::size_t i = 0; i < old.size(); ++i) {
      if (i + 2 < old.size()) {
        for (const Slot slot : old[i + 2].slots) __builtin_prefetch(&slab_[slot]);
      }
      for (Slot slot : old[i].slots) {
        while (slot != 0 && !place(shard, slot)) resize(shard, shard.groups.size() * 3 / 2 + 1);
      }
    }
  }

  const Slab& slab_;
  std::array<Shard, kShards> shards_;
  std::uint64_t size_ = 0;
};

}  // namespace coworker::engine
