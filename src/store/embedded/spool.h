#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/state.h"
#include "job/command.h"
#include "journal/disk.h"
#include "journal/journal.h"

namespace coworker::store {

/// Jobs that were added while nobody served the store: a file in its directory, synced after each add,
/// which the next owner takes over. Adding this way does not load the index, so it costs the same however
/// many jobs wait; a unique key, an idempotency key, a register or MAXLEN need the index and are refused.
/// Whether its queue is paused is not known either: such an add is answered, so the job is taken over all the same.
///
/// The file `spool`: its epoch u32, then a record for each job: length u32 of the rest · XXH3 u64 of
/// the rest, seeded with the offset · head length u32 · the job's fact (engine/fact.h) · the body. What a power
/// cut left unfinished at the end is not a job: its add was never answered.
///
/// Takes the directory's lock; `conflict` when the store has an owner. Blocking, any thread.
class Spool {
 public:
  static Result<Spool> open(journal::Disk& disk);

  /// Durable when it returns.
  Result<job::JobId> add(const job::Add& add, Time now);

 private:
  Spool() = default;

  std::unique_ptr<journal::File> file_;
  engine::IdMint mint_;
  std::uint32_t epoch_ = 0;
  std::uint64_t keys_ = 0;
  std::uint64_t end_ = 0;
};

/// The owner's side, between replay and start: appends the spooled jobs to the journal, syncs, removes the
/// spool. How many; an error leaves the spool as it is.
Result<std::uint64_t> adopt_spool(journal::Disk& disk, journal::Journal& journal, engine::State& state);

}  // namespace coworker::store
