#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/loop.h"
#include "base/error.h"
#include "store/store.h"

namespace coworker::store {

/// When an add is answered: `commit` after its fdatasync; `interval` after write(2), synced every
/// `interval`; `none` after write(2), synced by the kernel when it likes.
enum class Durability { commit, interval, none };

struct EmbeddedOptions {
  std::string directory;
  Durability durability = Durability::commit;
  Millis interval{100};
  bool sync_acks = false;                                // `acks: commit`: acks are answered after the sync too
  std::uint64_t segment_bytes = 0;                       // 0: chosen from the size of the file system
  std::uint64_t history_bytes = std::uint64_t{1} << 30;  // see History; 0: none is kept
  Millis history_age{7 * 86'400'000};
  std::string sync_record{};  // a file that is told what was synced, to play a power cut (journal/open_disk.h)
};

/// Opens the directory's store, made if there is none, and takes its lock. An owner that lives is
/// `conflict`, with its pid in the text; damage is `corrupt`, with segment and offset.
/// The loop must outlive the store and is the only thread to use it.
Result<std::unique_ptr<Store>> open_embedded(async::Loop& loop, EmbeddedOptions options);

}  // namespace coworker::store
