#pragma once

#include <cstdint>

namespace coworker::journal {

/// A place in the journal, which is one stream of bytes from the store's first day on: it only grows, and
/// what stands at a position never changes. An item's position is its locator and its version: of two
/// records about the same thing the later one wins.
using Position = std::uint64_t;

}  // namespace coworker::journal
