#pragma once

#include <cstdint>
#include <memory>

#include "journal/position.h"

namespace coworker::journal {

class SegmentFile;

/// One segment as the journal knows it.
struct Segment {
  std::shared_ptr<SegmentFile> file;
  Position base = 0;
  Position end = 0;         // where the next one begins; kNoLimit for the one being written
  Position limit = 0;       // where its file ends
  std::uint64_t bytes = 0;  // of the file
  std::uint64_t serial = 0;
  std::uint64_t hint_bytes = 0;  // of its hint file; 0: it has none
  bool made_here = false;        // by this process: nothing in its file was ever at a position that is still to come
};

}  // namespace coworker::journal
