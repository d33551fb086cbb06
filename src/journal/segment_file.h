#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "journal/format.h"
#include "journal/item.h"

namespace coworker::journal {

/// A segment's open file. Shared by the journal, its sync tasks and pins, and so outlives the segment's name.
///
/// Thread safety: reading and `data_sync` on any thread; writing on the journal's.
class SegmentFile {
 public:
  SegmentFile(std::shared_ptr<File> file, std::string name, std::uint64_t identity, Position base,
              std::uint64_t header_bytes);

  File& file() { return *file_; }
  const std::shared_ptr<File>& shared_file() const { return file_; }
  const std::string& name() const { return name_; }
  Position base() const { return base_; }
  std::uint64_t header_bytes() const { return header_bytes_; }
  std::uint64_t offset_of(Position position) const { return header_bytes_ + (position - base_); }

  /// As File::data_sync; fails for ever after the first failure. Calls on several threads wait for each
  /// other, since the kernel reports a failure to one of them only.
  Result<> data_sync();
  bool sync_has_failed() const;

  /// The item, which ends at `limit` at the latest. Waits for the disk.
  Result<Item> read_item(Position position, Position limit, std::size_t expected);

  /// The whole item in `bytes`; corrupt when its sum does not match.
  Result<NearItem> check_item(Bytes bytes, Position position) const;

  Error damaged(Position position, std::string_view what) const;

 private:
  std::shared_ptr<File> file_;
  std::string name_;
  std::uint64_t identity_;
  Position base_;
  std::uint64_t header_bytes_;
  mutable std::mutex sync_mutex_;
  std::optional<Error> sync_failure_;
};

}  // namespace coworker::journal
