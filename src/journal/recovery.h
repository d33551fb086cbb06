#pragma once

#include "journal/disk.h"
#include "journal/position.h"

namespace coworker::journal {

/// What the owner makes of its journal when it is opened: called in order, before `Journal::open` returns.
/// Views are valid during the call only. An error ends the opening and is handed on.
class Recovery {
 public:
  virtual ~Recovery() = default;

  /// At the start of each segment: what the owner wrote there. It tells the effect of all records before
  /// `as_of`. Mostly that is the segment's begin; a segment that replaced a broken one has a later `as_of`,
  /// and the items up to there follow although the checkpoint has counted them already.
  virtual Result<> checkpoint(Position as_of, Bytes bytes) = 0;

  /// One item. Its body is not given, it may not have been read at all: what recovery needs is in the head.
  virtual Result<> item(Position position, Bytes head, std::uint32_t body_bytes) = 0;
};

}  // namespace coworker::journal
