#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "engine/entry.h"

namespace coworker::engine {

/// How many records of living things stand in each part of the journal, so that a part without any can be
/// dropped unread. Parts begin where the owner says; a record belongs to the last part that begins before it.
class LiveRecords {
 public:
  void begin_part(Position at) {
    if (parts_.back().begin < at) parts_.push_back({at, 0});
  }

  void add(Position record) { ++part_of(record).live; }
  void remove(Position record) { --part_of(record).live; }

  /// Whether surely nothing lives before `end`. Forgets empty parts that lie before it.
  bool none_before(Position end) {
    while (parts_.size() > 1 && parts_.front().live == 0 && parts_[1].begin <= end) parts_.pop_front();
    return parts_.front().begin >= end;
  }

 private:
  struct Part {
    Position begin;
    std::uint64_t live;
  };

  Part& part_of(Position record) {
    if (parts_.back().begin <= record) return parts_.back();
    const auto after = std::upper_bound(parts_.begin(), parts_.end(), record,
                                        [](Position at, const Part& part) { return at < part.begin; });
    return *std::prev(after);
  }

  // By begin. The first begins before everything: recovery may name a part's begin only after what is older.
  std::deque<Part> parts_{{0, 0}};
};

}  // namespace coworker::engine
