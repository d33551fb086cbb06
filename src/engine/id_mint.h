#pragma once

#include <cstdint>

#include "job/id.h"

namespace coworker::engine {

/// Makes the public ids of a store's jobs from their keys: the salt is a keyed hash, so that it need not
/// be kept and an id cannot be guessed from another without the store's secret.
struct IdMint {
  std::uint32_t node = 0;  // the first 8 hex digits of the store's node id
  std::uint64_t secret = 0;

  job::JobId id(job::Key key, std::uint16_t ttl_digits) const;
};

/// The n-th key of an epoch; n starts at 1.
constexpr job::Key key_of(std::uint64_t epoch, std::uint64_t n) {
  return job::Key{epoch << 40 | n};
}

/// Epochs fit 24 bits.
inline constexpr std::uint32_t kLastEpoch = (1u << 24) - 1;

}  // namespace coworker::engine
