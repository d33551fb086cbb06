#pragma once

#include "engine/tree.h"

namespace coworker::engine {

/// Jobs by the moment at which their wait or their lease ends. Leases are mostly equally long, so they begin and end in
/// the same order and stand in a list; what comes out of order, and scheduled jobs, in a tree beside it.
class Timers {
 public:
  bool empty() const { return head_ == 0 && others_.empty(); }

  /// The earliest, or 0.
  Slot first(const Slab& slab) const {
    if (head_ == 0 || others_.empty()) return head_ != 0 ? head_ : others_.first();
    return ByDue{}(slab[head_], slab[others_.first()]) ? head_ : others_.first();
  }

  void insert(Slab& slab, Slot slot) {
    Entry& entry = slab[slot];
    if (entry.state != job::State::leased || (tail_ != 0 && ByDue{}(entry, slab[tail_]))) {
      others_.insert(slab, slot);
      entry.place = Entry::Place::timer_tree;
      return;
    }
    entry.left = tail_;
    entry.right = 0;
    (tail_ != 0 ? slab[tail_].right : head_) = slot;
    tail_ = slot;
    entry.place = Entry::Place::timer_list;
  }

  /// Nothing happens to a job that stands elsewhere.
  void erase(Slab& slab, Slot slot) {
    Entry& entry = slab[slot];
    if (entry.place == Entry::Place::timer_tree) {
      others_.erase(slab, slot);
    } else if (entry.place == Entry::Place::timer_list) {
      (entry.left != 0 ? slab[entry.left].right : head_) = entry.right;
      (entry.right != 0 ? slab[entry.right].left : tail_) = entry.left;
    } else {
      return;
    }
    entry.left = entry.right = 0;
    entry.place = Entry::Place::nowhere;
  }

 private:
  Slot head_ = 0;
  Slot tail_ = 0;
  Tree<ByDue> others_;
};

}  // namespace coworker::engine
