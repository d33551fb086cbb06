#pragma once

#include <map>

#include "engine/entry.h"

namespace coworker::engine {

/// Which jobs expire when: a ring through the entries for each second in which any does. Adding and
/// removing cost the same however many jobs wait.
class ExpiryRings {
 public:
  void insert(Slab& slab, Slot slot) {
    Entry& entry = slab[slot];
    Slot& head = heads_[entry.expires];
    if (head == 0) {
      head = entry.expiry_previous = entry.expiry_next = slot;
      return;
    }
    const Slot tail = slab[head].expiry_previous;
    entry.expiry_previous = tail;
    entry.expiry_next = head;
    slab[tail].expiry_next = slot;
    slab[head].expiry_previous = slot;
  }

  void erase(Slab& slab, Slot slot) {
    Entry& entry = slab[slot];
    if (entry.expiry_next == 0) return;
    const auto ring = heads_.find(entry.expires);
    if (entry.expiry_next == slot) {
      heads_.erase(ring);
    } else {
      slab[entry.expiry_previous].expiry_next = entry.expiry_next;
      slab[entry.expiry_next].expiry_previous = entry.expiry_previous;
      if (ring->second == slot) ring->second = entry.expiry_next;
    }
    entry.expiry_previous = entry.expiry_next = 0;
  }

  /// A job of the earliest second, or 0.
  Slot first() const { return heads_.empty() ? 0 : heads_.begin()->second; }

  std::uint64_t bytes() const { return heads_.size() * 48; }

 private:
  std::map<std::uint32_t, Slot> heads_;  // second -> any job of its ring
};

}  // namespace coworker::engine
