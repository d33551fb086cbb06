#pragma once

#include "engine/entry.h"

namespace coworker::engine {

/// An ordered set of entries, linked through their own left, right and up: a treap whose heap priority
/// is a hash of the key, so that it needs no memory but the links. Insert and erase take logarithmic
/// time, the first and the last element constant time, as does inserting behind the last.
///
/// `Less(const Entry&, const Entry&)` must be a strict order in which no two entries are equal, and what
/// it reads must not change while an entry is in the tree.
template <class Less>
class Tree {
 public:
  bool empty() const { return root_ == 0; }
  Slot first() const { return first_; }
  Slot last() const { return last_; }

  Slot next(const Slab& slab, Slot at) const { return step(slab, at, &Entry::right, &Entry::left); }
  Slot previous(const Slab& slab, Slot at) const { return step(slab, at, &Entry::left, &Entry::right); }

  void insert(Slab& slab, Slot slot) {
    Entry& entry = slab[slot];
    entry.left = entry.right = entry.up = 0;
    if (root_ == 0) {
      root_ = first_ = last_ = slot;
      return;
    }
    // Most come in order: leases that are equally long, jobs that are delayed alike.
    const bool greatest = Less{}(slab[last_], entry);
    Slot at = greatest ? last_ : root_;
    bool smallest = !greatest;
    if (greatest) last_ = slot;
    while (true) {
      Entry& parent = slab[at];
      const bool goes_left = Less{}(entry, parent);
      smallest = smallest && goes_left;
      Slot& child = goes_left ? parent.left : parent.right;
      if (child == 0) {
        child = slot;
        entry.up = at;
        break;
      }
      at = child;
    }
    if (smallest) first_ = slot;
    while (entry.up != 0 && weight(entry) < weight(slab[entry.up])) rotate_up(slab, slot);
  }

  void erase(Slab& slab, Slot slot) {
    if (first_ == slot) first_ = next(slab, slot);
    if (last_ == slot) last_ = previous(slab, slot);
    Entry& entry = slab[slot];
    while (entry.left != 0 || entry.right != 0) {
      const bool lift_left =
          entry.right == 0 || (entry.left != 0 && weight(slab[entry.left]) < weight(slab[entry.right]));
      rotate_up(slab, lift_left ? entry.left : entry.right);
    }
    link_of(slab, slot) = 0;
    entry.up = 0;
  }

 private:
  static std::uint64_t weight(const Entry& entry) {
    auto x = static_cast<std::uint64_t>(entry.key) * 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    return x * 0xc4ceb9fe1a85ec53u;
  }

  /// The link that points at `slot`.
  Slot& link_of(Slab& slab, Slot slot) {
    const Slot up = slab[slot].up;
    if (up == 0) return root_;
    return slab[up].left == slot ? slab[up].left : slab[up].right;
  }

  void rotate_up(Slab& slab, Slot slot) {
    Entry& entry = slab[slot];
    const Slot parent_slot = entry.up;
    Entry& parent = slab[parent_slot];
    link_of(slab, parent_slot) = slot;
    entry.up = parent.up;
    parent.up = slot;
    Slot& inner = parent.left == slot ? entry.right : entry.left;
    Slot& outer = parent.left == slot ? parent.left : parent.right;
    outer = inner;
    if (inner != 0) slab[inner].up = parent_slot;
    inner = parent_slot;
  }

  Slot step(const Slab& slab, Slot at, Slot Entry::* toward, Slot Entry::* back) const {
    if (slab[at].*toward != 0) {
      at = slab[at].*toward;
      while (slab[at].*back != 0) at = slab[at].*back;
      return at;
    }
    Slot up = slab[at].up;
    while (up != 0 && slab[up].*toward == at) {
      at = up;
      up = slab[up].up;
    }
    return up;
  }

  Slot root_ = 0;
  Slot first_ = 0;
  Slot last_ = 0;
};

struct ByKey {
  bool operator()(const Entry& a, const Entry& b) const { return a.key < b.key; }
};
struct ByDue {
  bool operator()(const Entry& a, const Entry& b) const { return a.due != b.due ? a.due < b.due : a.key < b.key; }
};

}  // namespace coworker::engine
