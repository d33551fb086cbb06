#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>

#include "journal/disk.h"
#include "journal/position.h"

namespace coworker::journal {

/// The newest bytes of the journal, in memory: records are built here, written from here, kept until they are
/// synced, and read back from here while they are recent. A record is never split over two of its chunks.
///
/// Thread safety: one thread, the journal's.
class Tail {
 public:
  Tail(std::uint64_t identity, Position begin, std::size_t chunk_bytes);

  Position begin() const { return chunks_.empty() ? end_ : chunks_.front().begin; }
  Position end() const { return end_; }

  // A record: begin, add its items, commit. `synced` goes into it as a mark unless 0. Returns its end.
  void begin_record(Position synced);
  Position add_item(std::string_view head, std::string_view body);
  Position commit_record();

  /// Whole records that stand at the end already, on a disk.
  void append(Bytes records);

  /// What is held from `from` on, in one piece: as far as its chunk goes and not beyond `to`.
  /// Requires begin() <= from < to <= end().
  Bytes view(Position from, Position to) const;

  /// Forgets what lies before `position`, as far as whole chunks allow.
  void release(Position position);

 private:
  struct Chunk {
    Position begin = 0;
    std::size_t used = 0;
    std::size_t capacity = 0;
    std::unique_ptr<std::byte[]> bytes;
  };

  /// `bytes` more for the open record, all of which is in one piece.
  std::byte* grow(std::size_t bytes);
  void add_chunk(std::size_t bytes);
  const Chunk& chunk_of(Position position) const;

  std::uint64_t identity_;
  std::size_t chunk_bytes_;
  Position end_;  // of the last committed record
  std::deque<Chunk> chunks_;
  std::unique_ptr<std::byte[]> free_chunk_;  // of chunk_bytes_, to be used again
  bool open_ = false;                        // a record is being built
  std::size_t built_ = 0;                    // its bytes so far, after the last chunk's `used`
  Position mark_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace coworker::journal
