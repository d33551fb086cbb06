#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "journal/item.h"
#include "journal/position.h"
#include "journal/segment_file.h"

namespace coworker::journal {

/// Reads items from the page cache, and while they are asked for in their order, many with one call. What stands at
/// a position never changes, so bytes that were read stay good.
///
/// Thread safety: one thread, the journal's.
class ReadAhead {
 public:
  /// The item at `position`, which ends at `limit` at the latest; nullopt when a disk would have to be waited for.
  /// Good until the next call.
  Result<std::optional<NearItem>> read(SegmentFile& file, Position position, Position limit);

 private:
  Result<> fill(SegmentFile& file, Position position, std::size_t bytes);
  Bytes held(Position position) const;

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  Position begin_ = 0;
  Position next_ = 0;  // behind the last item that was read
};

}  // namespace coworker::journal
