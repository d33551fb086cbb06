#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "journal/disk.h"
#include "journal/position.h"

namespace coworker::journal {

struct VerifyReport {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;  // of records
  Position begin = 0;
  Position end = 0;
};

/// Called after each segment and now and then within one: bytes done and to do.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Reads everything and compares all checksums; changes nothing. Also while the journal is in use. The first
/// damage is `corrupt`, with segment and offset.
Result<VerifyReport> verify(Disk& disk, const Progress& progress = {});

/// Copies a whole number of records, from the oldest one up to at least what was synced when the call
/// began, into the empty `target`, durably. Also while the journal is in use, by this process or another.
Result<VerifyReport> backup(Disk& source, Disk& target, const Progress& progress = {});

}  // namespace coworker::journal
