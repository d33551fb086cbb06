#pragma once

#include <memory>

#include "base/error.h"
#include "journal/item.h"
#include "journal/position.h"

namespace coworker::journal {

class SegmentFile;

/// The right to read one item, whatever becomes of its segment meanwhile. Cheap to copy; any thread.
class Pin {
 public:
  Pin(std::shared_ptr<SegmentFile> file, Position item, Position limit)
      : file_{std::move(file)}, item_{item}, limit_{limit} {}

  /// Waits for the disk. `expected` is a guess of head and body bytes. `corrupt` when the checksum fails.
  Result<Item> read(std::size_t expected = 0) const;

 private:
  std::shared_ptr<SegmentFile> file_;
  Position item_;
  Position limit_;  // the item ends here at the latest
};

}  // namespace coworker::journal
