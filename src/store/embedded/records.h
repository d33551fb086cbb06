#pragma once

#include <cstddef>
#include <optional>

#include "base/error.h"
#include "job/command.h"
#include "journal/item.h"

namespace coworker::store {

/// Completes the answer's `index`-th job with what only its record holds: the body, and for a View the
/// exact time of creation, the delay and the replicas asked for. Returns what was wrong, if anything.
std::optional<Error> fill(job::Answer& answer, std::size_t index, const journal::NearItem& record);

}  // namespace coworker::store
