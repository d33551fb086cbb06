#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>

#include "journal/format.h"

namespace coworker::journal {

inline std::uint64_t sum_of(Bytes bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

/// The sum in a record's header: over its first 8 bytes, the mark (0 without), and `heads`, the chained sum of
/// its items that began as the record's seed.
inline std::uint64_t record_sum(const std::byte* header, Position mark, std::uint64_t heads) {
  std::byte fields[16];
  std::memcpy(fields, header, 8);
  save(fields + 8, mark);
  return sum_of(fields, heads);
}

}  // namespace coworker::journal
