#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "journal/disk.h"
#include "journal/position.h"

namespace coworker::journal {

class SegmentFile;

/// What a hint file belongs to: a segment that is complete and synced.
struct HintKey {
  std::uint64_t identity = 0;
  Position base = 0;
  Position end = 0;
  std::uint64_t serial = 0;
};

/// "00000000000f4240.hint"
std::string hint_name(Position base);
/// Also of one that was being made.
bool is_hint(const std::string& name);

/// What an item takes in a hint file.
inline constexpr std::uint64_t kHintItem = 16;

/// Makes a segment's hint file: the heads of its items without the bodies, so that opening costs by the item and not
/// by the byte. Losing it loses nothing. To be run on any thread; the disk outlives it.
class HintTask {
 public:
  /// The size of the file made.
  Result<std::uint64_t> run() const;

 private:
  friend class Journal;

  Disk* disk_ = nullptr;
  std::shared_ptr<SegmentFile> file_;
  HintKey key_;
};

using HintedItem = std::function<Result<>(Position position, Bytes head, std::uint32_t body_bytes)>;

struct Hint {
  bool usable = false;
  Position mark = 0;        // the segment's highest
  std::uint64_t bytes = 0;  // of the file
};

/// Hands out the items of the segment's hint file. Not usable, and nothing handed out: there is none, or it is
/// damaged or of another segment. An error is the taker's.
Result<Hint> read_hint(Disk& disk, const HintKey& key, const HintedItem& take);

}  // namespace coworker::journal
