#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/entry.h"

namespace coworker::engine {

/// Finds a job's slot by its key.
///
/// Keys are handed out one after the other, and jobs that were made together are mostly claimed and answered together.
/// So slots stand in pages, each a line of the processor's cache for some keys in a row, and who looks for one key
/// after the other waits for memory once a page.
///
/// Pages are found by open addressing, in shards, so that growing moves a thousandth of them at a time and no single
/// add pays for all. Beside each page's index stands how far it is from its home, which keeps the pages themselves out
/// of nearly all looks. Pages with one home stand together, nearer homes first (Robin Hood hashing), so a search ends
/// as soon as it has gone further than what it finds.
class KeyIndex {
 public:
  Slot find(job::Key key) const {
    const std::uint32_t page = page_of(number_of(key));
    return page == 0 ? 0 : at(page).slots[place_of(key)];
  }

  /// The key must not be in it yet.
  void insert(job::Key key, Slot slot) {
    const std::uint64_t number = number_of(key);
    std::uint32_t page = page_of(number);
    if (page == 0) page = add_page(number);
    at(page).slots[place_of(key)] = slot;
    ++size_;
  }

  /// It must be in it.
  void erase(job::Key key) {
    const std::uint32_t index = page_of(number_of(key));
    Page& page = at(index);
    page.slots[place_of(key)] = 0;
    --size_;
    if (std::all_of(page.slots.begin(), page.slots.end(), [](Slot slot) { return slot == 0; })) remove_page(index);
  }

  std::uint64_t size() const { return size_; }

  std::uint64_t bytes() const {
    std::uint64_t total = chunks_.size() * kChunk * sizeof(Page);
    for (const Shard& shard : shards_) total += shard.groups.capacity() * sizeof(Group);
    return total;
  }

 private:
  static constexpr std::size_t kKeys = 14;      // a page
  static constexpr std::uint32_t kChunk = 512;  // pages
  static constexpr std::size_t kShards = 1024;
  static constexpr std::size_t kGroup = 12;
  static constexpr unsigned kMostDistance = 255;

  struct alignas(64) Page {
    std::uint64_t number = 0;
    std::array<Slot, kKeys> slots{};
  };

  /// Of pages' indexes; a line of the cache, too.
  struct alignas(64) Group {
    std::array<std::uint32_t, kGroup> pages{};
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
    std::uint32_t& page(Place at) { return groups[at.group].pages[at.cell]; }
    std::uint32_t page(Place at) const { return groups[at.group].pages[at.cell]; }
    std::uint8_t& distance(Place at) { return groups[at.group].distances[at.cell]; }
    std::uint8_t distance(Place at) const { return groups[at.group].distances[at.cell]; }
  };

  static std::uint64_t number_of(job::Key key) { return static_cast<std::uint64_t>(key) / kKeys; }
  static std::size_t place_of(job::Key key) { return static_cast<std::uint64_t>(key) % kKeys; }
  static std::uint64_t mix(std::uint64_t number) {
    const std::uint64_t x = number * 0x9e3779b97f4a7c15u;
    return x ^ (x >> 29);
  }

  Page& at(std::uint32_t page) { return chunks_[page / kChunk][page % kChunk]; }
  const Page& at(std::uint32_t page) const { return chunks_[page / kChunk][page % kChunk]; }

  /// 0: there is none.
  std::uint32_t page_of(std::uint64_t number) const {
    if (latest_ != 0 && at(latest_).number == number) return latest_;
    const std::uint64_t hash = mix(number);
    const Shard& shard = shards_[hash % kShards];
    if (shard.groups.empty()) return 0;
    Place place = shard.home(hash);
    for (unsigned distance = 1; shard.distance(place) >= distance; ++distance, place = shard.after(place)) {
      if (shard.distance(place) == distance && at(shard.page(place)).number == number) {
        return latest_ = shard.page(place);
      }
    }
    return 0;
  }

  std::uint32_t add_page(std::uint64_t number) {
    if (free_.empty()) {
      const auto first = static_cast<std::uint32_t>(chunks_.size() * kChunk);
      chunks_.push_back(std::make_unique<Page[]>(kChunk));
      for (std::uint32_t i = kChunk; i-- > (first == 0 ? 1u : 0u);) free_.push_back(first + i);  // page 0 is none
    }
    const std::uint32_t page = free_.back();
    free_.pop_back();
    at(page).number = number;
    Shard& shard = shards_[mix(number) % kShards];
    if ((shard.used + 1) * 5 > shard.cells() * 4) resize(shard, shard.groups.size() * 3 / 2 + 1);
    for (std::uint32_t moving = page; !place(shard, moving);) resize(shard, shard.groups.size() * 3 / 2 + 1);
    return latest_ = page;
  }

  void remove_page(std::uint32_t page) {
    const std::uint64_t hash = mix(at(page).number);
    Shard& shard = shards_[hash % kShards];
    Place hole = shard.home(hash);
    while (shard.page(hole) != page) hole = shard.after(hole);
    // What is not at home behind it moves one nearer.
    for (Place next = shard.after(hole); shard.distance(next) > 1; hole = next, next = shard.after(next)) {
      shard.page(hole) = shard.page(next);
      shard.distance(hole) = static_cast<std::uint8_t>(shard.distance(next) - 1);
    }
    shard.page(hole) = 0;
    shard.distance(hole) = 0;
    --shard.used;
    if (shard.groups.size() > 2 && shard.used * 4 < shard.cells()) resize(shard, shard.groups.size() / 2);
    free_.push_back(page);
    latest_ = 0;
  }

  /// False: it is too far from home, and what had to give way to it is left in `page`, not placed.
  bool place(Shard& shard, std::uint32_t& page) {
    Place to = shard.home(mix(at(page).number));
    for (unsigned distance = 1; distance <= kMostDistance; ++distance, to = shard.after(to)) {
      const unsigned there = shard.distance(to);
      if (there >= distance) continue;
      std::swap(shard.page(to), page);
      shard.distance(to) = static_cast<std::uint8_t>(distance);
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
        for (const std::uint32_t page : old[i + 2].pages) __builtin_prefetch(&at(page));
      }
      for (std::uint32_t page : old[i].pages) {
        while (page != 0 && !place(shard, page)) resize(shard, shard.groups.size() * 3 / 2 + 1);
      }
    }
  }

  std::vector<std::unique_ptr<Page[]>> chunks_;
  std::vector<std::uint32_t> free_;  // pages
  std::array<Shard, kShards> shards_;
  mutable std::uint32_t latest_ = 0;  // the page that was looked for last
  std::uint64_t size_ = 0;
};

}  // namespace coworker::engine
