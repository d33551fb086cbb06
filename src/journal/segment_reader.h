#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "base/error.h"
#include "journal/format.h"
#include "journal/segment_file.h"

namespace coworker::journal {

inline constexpr Position kNoLimit = std::numeric_limits<Position>::max();

/// Goes through a segment's records in order, with large reads and no work per record but its check.
///
/// Thread safety: one thread. The segment file outlives it.
class SegmentReader {
 public:
  /// From `from`, which must be where a record may begin, up to `limit`, where the next segment begins.
  SegmentReader(SegmentFile& segment, std::uint64_t identity, Position from, Position limit,
                std::size_t buffer_bytes = std::size_t{1} << 20);

  /// The next record; its views last until the next call. nullopt: no whole, undamaged record stands at
  /// `position()`, or the limit is reached.
  Result<std::optional<RecordView>> next();

  /// Where the next record begins.
  Position position() const { return position_; }

 private:
  Bytes buffered() const { return {buffer_.get() + (position_ - buffer_begin_), held()}; }
  std::size_t held() const { return static_cast<std::size_t>(buffer_begin_ + buffer_used_ - position_); }
  Result<bool> read_more();

  SegmentFile& segment_;
  std::uint64_t identity_;
  Position position_;
  Position limit_;
  std::size_t buffer_bytes_;
  std::size_t capacity_ = 0;  // allocated so far
  std::unique_ptr<std::byte[]> buffer_;
  Position buffer_begin_;
  std::size_t buffer_used_ = 0;
  std::optional<Position> file_end_;
};

/// The highest mark of all records that can be found behind `from`, at whatever place they begin; 0 if none has any.
Result<Position> highest_mark(SegmentFile& segment, std::uint64_t identity, Position from);

}  // namespace coworker::journal
