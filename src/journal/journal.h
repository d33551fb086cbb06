#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "journal/disk.h"
#include "journal/hint.h"
#include "journal/item.h"
#include "journal/options.h"
#include "journal/pin.h"
#include "journal/position.h"
#include "journal/read_ahead.h"
#include "journal/recovery.h"
#include "journal/segment.h"
#include "journal/spares.h"
#include "journal/sync_task.h"
#include "journal/tail.h"

namespace coworker::journal {

struct Chain;
struct ChainEnd;

/// The append-only log of one store: records, each one transaction of 1…n items under one checksum, in
/// segment files of one directory, whose lock the caller holds. It knows nothing of what the items mean.
///
/// Writing: `reserve` room first, then change the state and append (which cannot fail), then `write_out`,
/// then sync: inline by `sync`, or by `start_sync`, `SyncTask::run` on another thread, `finish_sync`.
/// A record has been handed to the kernel when `written()`, and survives a power cut when `synced()`, is at
/// least the position that `commit_record` returned.
///
/// Trouble: when writing or syncing fails, all records since the last good sync, which are still in memory,
/// go to a new segment; if that fails too, `writable()` turns false and `trouble()` says why; normal
/// reservations are refused, vital ones are kept in memory up to a bound, and `try_resume` ends it.
///
/// Thread safety: one thread, the owner's; a SyncTask and a Pin may be used on any other.
/// Lifetime: the disk outlives the journal, its tasks and its pins. Destroying a journal writes nothing.
class Journal {
 public:
  /// Recovers the directory (an empty one is a new journal) and starts a segment. What a power cut left
  /// unfinished at the end is cut off; any other damage is `corrupt`, with segment and offset, and changes
  /// nothing. A disk with no room yields a journal that is not writable.
  static Result<std::unique_ptr<Journal>> open(Disk& disk, Options options, Recovery& recovery);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // ---- appending --------------------------------------------------------------------------------
  /// An upper bound of what a record of that many items takes in the journal.
  static constexpr std::size_t record_bytes(std::size_t items, std::size_t heads_and_bodies) {
    return 24 + 16 * items + heads_and_bodies;
  }

  /// Makes sure that records of `bytes` in all (see record_bytes) can be appended next. An error means
  /// that they must not be: `resource_exhausted` when there is no room at that urgency, `unavailable` when
  /// the journal is not writable. Reserving again replaces what is left of the last reservation.
  Result<> reserve(std::size_t bytes, Urgency urgency);

  /// One record: begin, add at least one item, commit. It must fit into what was reserved. An item is given in
  /// parts that are joined; its position is its locator for reading. A body is at most 4 GiB minus 1.
  void begin_record();
  Position add_item(std::string_view head, std::string_view body = {});
  /// Returns the record's end.
  Position commit_record();
  Position end() const { return end_; }

  // ---- writing and syncing ------------------------------------------------------------------------
  /// Hands everything appended to the kernel. An error: the journal is not writable now.
  Result<> write_out();
  Position written() const { return written_; }
  /// Writes out and syncs everything appended, on this thread.
  Result<> sync();

  /// What must be done to sync all that is written; nullopt when nothing is. Tasks may overlap and may be
  /// dropped; each that was run is handed back with its result.
  std::optional<SyncTask> start_sync();
  Result<> finish_sync(const SyncTask& task, Result<> result);
  Position synced() const { return synced_; }
  /// So much is unsynced that a sync should begin now, before write_out has to wait for one.
  bool sync_is_due() const { return written_ - synced_ > options_.unsynced_bytes / 2; }

  /// Syncs everything and says so in the log, so that the next opening has nothing to copy. The journal is not
  /// used afterwards, save for reading.
  Result<> close();

  bool writable() const { return trouble_.empty(); }
  /// Why it is not writable; empty when it is.
  const std::string& trouble() const { return trouble_; }
  /// Tries to become writable again: call it about once a second while it is not. True when it is.
  bool try_resume();

  // ---- reading --------------------------------------------------------------------------------------
  /// An item from memory or the page cache, good until the journal is used again; nullopt when a disk would have to
  /// be waited for: `pin` it then. Not_found for a position before `oldest()`; `corrupt` when its checksum fails.
  Result<std::optional<NearItem>> read_nowait(Position item);
  /// The same, and waits for the disk. `expected` is a guess of head and body bytes, which saves a second read.
  Result<Item> read(Position item, std::size_t expected = 0);
  /// Holds the item's segment so that any thread can read it, also after the segment was dropped.
  Result<Pin> pin(Position item);

  // ---- compaction -----------------------------------------------------------------------------------
  /// Oldest first; the last one is being written. Dropped ones are not listed.
  std::vector<SegmentInfo> segments() const;
  std::size_t segment_count() const { return segments_.size(); }
  SegmentInfo oldest_segment() const;  // both require that there is one
  SegmentInfo newest_segment() const;
  Position oldest() const;
  /// All that the journal occupies: segments, spare ones, and dropped ones that are not yet removed or are pinned.
  std::uint64_t disk_bytes() const;
  std::uint64_t kept_bytes() const;  // the same without what was dropped

  using Visit = std::function<Result<>(Position, std::string_view head, std::string_view body)>;

  /// Visits the oldest segment's items from position `from` on (0: its begin), whole records until
  /// `max_bytes` are exceeded, and returns where to go on; the segment's end when all is done. `conflict` when the
  /// segment had to be replaced meanwhile: begin again.
  /// Requires that the oldest is not the one being written.
  Result<Position> scan_oldest(Position from, std::size_t max_bytes, const Visit& visit);

  /// The owner has re-appended what lives in the oldest segment: it is removed as soon as everything
  /// appended up to now is synced. Requires that the oldest is not the one being written. It stays when writing
  /// fails on the way, which `oldest` shows.
  void drop_oldest();
  /// Whether dropped segments wait for a sync to be removed; one goes with each.
  bool drops_pending() const { return !dropped_.empty(); }

  /// Work that makes the next opening cheaper, for a thread that may wait; nullopt when there is none. Ask again
  /// after each segment. A task that was run is handed back with its result.
  std::optional<HintTask> start_hint();
  void finish_hint(const HintTask& task, const Result<std::uint64_t>& result);

 private:
  struct Dropped {
    Segment segment;
    Position after = 0;  // removed once this is synced
  };

  Journal(Disk& disk, Options options, std::uint64_t identity, Position begin);

  Result<> adopt(Chain chain, const ChainEnd& end);
  void choose_sizes();
  bool keeps_room(Urgency urgency) const;
  Result<> make_room(std::size_t bytes, Urgency urgency);
  Result<> hold_in_memory(std::size_t bytes, Urgency urgency);
  Result<> roll(std::string checkpoint, std::uint64_t least_bytes, bool own_file);
  Result<Segment> start_segment(Spare spare, Position base, std::string checkpoint);
  Result<> write_pending();
  Result<> write_range(Segment& segment, Position to);
  Result<> mend(const Error& cause);
  Result<> replace_unsynced();
  void discard(const Segment& segment, Position replaced_from);
  void synced_up_to(Position position, std::uint64_t names);
  void remove_void();
  void remove_dropped();
  bool reuse(const Segment& segment);
  void measure_segments();
  void want_hint(const Segment& segment, std::uint64_t hint_bytes);
  void want_hints(const Chain& chain, const std::vector<std::uint64_t>& hint_bytes);
  bool has_hint(const std::string& name) const;
  const Segment* segment_of(Position position) const;
  Result<NearItem> recent_item(Position item) const;

  Disk& disk_;
  Options options_;
  std::uint64_t identity_;
  Tail tail_;
  ReadAhead read_ahead_;
  Spares spares_;
  std::deque<Segment> segments_;  // oldest first
  std::deque<Dropped> dropped_;
  std::vector<std::string> void_names_;                                                // still to be removed
  mutable std::vector<std::pair<std::weak_ptr<SegmentFile>, std::uint64_t>> removed_;  // pinned ones still take room

  Position end_ = 0;
  Position written_ = 0;
  Position synced_ = 0;
  Position reserved_ = 0;  // records may be appended up to here
  Position marked_ = 0;    // what the last mark said
  std::string trouble_;
  std::uint64_t serial_ = 0;
  std::uint64_t names_changed_ = 0;  // changes of names so far, and how many of them are synced
  std::uint64_t names_synced_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t segment_bytes_ = 0;    // of the next segment
  std::uint64_t most_bytes_ = 0;       // that it grows to
  std::uint64_t largest_ = 0;          // segment there is
  std::uint64_t hint_bytes_ = 0;       // what a hint file of the last segment would take
  std::deque<Position> hints_wanted_;  // by segments' bases
};

}  // namespace coworker::journal
