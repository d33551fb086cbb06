#pragma once

#include <memory>
#include <string>

#include "journal/disk.h"

namespace coworker::journal {

/// The directory, made (mode 0700, with its parents) if there is none. With a `record_file`, everything
/// that is synced from now on is also written there, for `power_cut`; the composition takes its name from
/// the environment, nobody else does. The record file must lie outside the directory.
Result<std::unique_ptr<Disk>> open_disk(const std::string& directory, const std::string& record_file = "");

/// Makes `target_directory` hold what the recorded directory would hold after a power cut: the bytes and
/// names that were synced, and nothing else. The target must be empty or not exist.
Result<> power_cut(const std::string& record_file, const std::string& target_directory);

}  // namespace coworker::journal
