#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/id_mint.h"
#include "journal/disk.h"

namespace coworker::store {

/// What a store's directory says of itself, in the small text file `meta`: a line a value.
///
///     coworker-store 1
///     node 40 hex digits
///     secret 16 hex digits
///     epoch decimal: grows at each opening, durably, before anything is handed out
struct Meta {
  std::string node;  // Disque node id
  std::uint64_t secret = 0;
  std::uint32_t epoch = 0;

  engine::IdMint mint() const;
};

inline constexpr const char* kMetaFile = "meta";

std::string to_text(const Meta& meta);
/// Corrupt, with the line, when it is damaged; unavailable when a newer version wrote it.
Result<Meta> parse_meta(std::string_view text);

/// Reads the directory's meta, or makes one, and begins a new epoch, durably. Requires the disk's lock.
/// `random` fills a new store's node and secret.
Result<Meta> begin_epoch(journal::Disk& disk, std::uint64_t (*random)());

}  // namespace coworker::store
