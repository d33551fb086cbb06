#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "journal/format.h"
#include "journal/segment_file.h"

namespace coworker::journal {

/// A segment as found in a directory.
struct FoundSegment {
  SegmentHeader header;
  std::shared_ptr<SegmentFile> file;
  std::uint64_t bytes = 0;       // of the file
  Position limit = 0;            // the next one's base; kNoLimit for the last
  std::uint64_t hint_bytes = 0;  // of its hint file, when that was read instead
};

/// The segments that count, in order, and the others.
///
/// Each segment made has a higher serial than those before, and voids what they hold from its base on: the
/// replacement of a broken segment begins where the last good sync ended. So going through them by serial,
/// every segment that begins at or behind a later one's base does not count.
struct Chain {
  std::uint64_t identity = 0;
  std::uint64_t serial = 0;  // the highest there is
  Position synced = 0;       // the highest mark in a header
  std::vector<FoundSegment> segments;
  std::vector<std::string> void_names;
  std::vector<std::string> names;  // everything in the directory
};

Result<Chain> find_chain(Disk& disk);

/// Told of every segment and every record, in order.
class ChainVisitor {
 public:
  virtual ~ChainVisitor() = default;
  virtual Result<> segment(const FoundSegment& segment) = 0;
  virtual Result<> record(const RecordView& record) = 0;

  /// Asked before a segment that has a hint file: whether its items may come from there.
  virtual bool takes_hints() const { return false; }
  virtual Result<> hinted_item(Position, Bytes, std::uint32_t) { return {}; }
};

struct ChainEnd {
  Position end = 0;
  Position synced = 0;       // the highest mark: all before it was synced once
  std::size_t segments = 0;  // how many count; what follows was never synced and is void
};

/// Goes through the chain's records up to the first that is not whole. When something behind it shows that it
/// was synced once, that is damage: `corrupt`, with segment and offset. Else it is the end: after a power cut
/// unsynced bytes may be missing in any order, so later records may be whole and still count for nothing.
Result<ChainEnd> walk(Disk& disk, Chain& chain, ChainVisitor& visitor);

}  // namespace coworker::journal
