#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "journal/disk.h"
#include "journal/position.h"

namespace coworker::journal {

class SegmentFile;

/// One sync of a journal, to be run on any thread, once. Holds what it needs; the disk outlives it.
class SyncTask {
 public:
  Result<> run();

  /// What `Journal::synced` will be at least, when this succeeds.
  Position covers() const { return covers_; }

 private:
  friend class Journal;

  Disk* disk_ = nullptr;
  std::vector<std::shared_ptr<SegmentFile>> files_;
  bool directory_ = false;
  Position covers_ = 0;
  std::uint64_t names_ = 0;       // how many changes of names it covers
  std::uint64_t generation_ = 0;  // of the journal: a task from before a failure says nothing
};

}  // namespace coworker::journal
