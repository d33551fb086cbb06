#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/state.h"
#include "job/command.h"

namespace coworker::store {

/// An upper bound of what one fact takes in a record of its own, without its texts, in bytes.
inline constexpr std::size_t kFactBytes = 160;

/// An upper bound of the bytes of a command's own facts, and of how many waiting claims it may serve.
struct Cost {
  std::size_t bytes = 0;
  std::uint64_t wakes = 0;
};

Cost cost_of(const job::Command& command, const engine::State& state);

/// Adds and settings need room that acks and retries must not be denied.
bool adds_to_the_store(const job::Command& command);

/// Answers for jobs: with `acks: commit` they too wait for the sync.
bool acknowledges(const job::Command& command);

}  // namespace coworker::store
