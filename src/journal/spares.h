#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "journal/disk.h"

namespace coworker::journal {

/// A file whose blocks are allocated, to become a segment. It reads as zeros, or holds an old segment: records of
/// positions that are past, whose sums fit at no other.
struct Spare {
  std::shared_ptr<File> file;
  std::string name;
  std::uint64_t bytes = 0;
};

/// The room that a journal has set aside on its disk.
///
/// Thread safety: one thread, the journal's.
class Spares {
 public:
  explicit Spares(Disk& disk) : disk_{disk} {}

  static bool is_spare(const std::string& name);

  /// Takes over files of an earlier life, emptied first: they may hold records that never counted.
  /// What cannot be taken over is removed.
  void adopt(const std::string& name);

  std::size_t count() const { return spares_.size(); }
  std::uint64_t bytes() const;
  bool has_one_of(std::uint64_t bytes) const;

  /// Makes sure that there are `count`, new ones of `bytes`, and one of at least `largest`. An error leaves
  /// what could be set aside.
  Result<> keep(std::size_t count, std::uint64_t bytes, std::uint64_t largest);

  /// Takes the smallest that suffices for `bytes`, grown to `wished` if there is room for that; when none
  /// suffices one is grown or made.
  Result<Spare> take(std::uint64_t bytes, std::uint64_t wished);

  /// A new one, apart from those set aside.
  Result<Spare> make(std::uint64_t bytes);

  /// Renames an old segment's file to be a spare one: writing into it again needs neither new blocks nor new pages of
  /// the cache. It rests until `names_are_synced`, for after a power cut it may have its old name again. One at a time.
  Result<> reuse(std::shared_ptr<File> file, const std::string& name, std::uint64_t bytes);
  /// Names changed so far would survive a power cut.
  void names_are_synced();

 private:
  Result<> grow(Spare& spare, std::uint64_t bytes);

  Disk& disk_;
  std::vector<Spare> spares_;
  std::optional<Spare> resting_;
  std::uint64_t next_number_ = 0;
};

}  // namespace coworker::journal
