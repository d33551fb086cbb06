#pragma once

#include <string>

#include "base/error.h"
#include "journal/verify.h"

namespace coworker::store {

/// Copies the store in `source` into `target`, which must be empty or not exist, durably; also while a broker serves
/// it. What was acknowledged before the call is in the copy. The copy is a store of its own right that gives out the
/// same jobs, so only one of the two may be worked on. Blocking, any thread.
Result<journal::VerifyReport> backup_directory(const std::string& source, const std::string& target,
                                               const journal::Progress& progress = {});

}  // namespace coworker::store
