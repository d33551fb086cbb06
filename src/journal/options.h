#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "journal/position.h"

namespace coworker::journal {

/// Who may use how much of the last room on the disk.
enum class Urgency {
  normal,      // adds: refused while there is room only for the other two
  vital,       // claims, acks, retries: what frees room in the end
  compaction,  // re-appending what lives in the oldest segment, before it is dropped
};

struct Options {
  /// Describes the effect of everything appended so far; written at the begin of each segment. Asked for
  /// in `open`, `reserve`, `write_out`, `sync`, `finish_sync` and `try_resume`, so the owner calls these only
  /// while its state is exactly what it has appended.
  std::function<std::string()> checkpoint;

  std::uint64_t segment_bytes = 0;          // 0: from the size of the file system, and growing with use
  std::uint64_t recent_bytes = 4 << 20;     // this much of the newest is read back from memory
  std::uint64_t unsynced_bytes = 64 << 20;  // write_out syncs when more than that is unsynced
  std::uint64_t held_bytes = 16 << 20;      // kept in memory for the disk's return when it cannot be written
  std::uint64_t identity = 0;               // of a new store; 0: random. It seeds all checksums
};

struct SegmentInfo {
  std::string name;
  Position begin = 0;
  Position end = 0;
  std::uint64_t bytes = 0;  // on disk, header and unused rest included
};

}  // namespace coworker::journal
