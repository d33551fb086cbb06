#include <algorithm>

#include "base/check.h"
#include "journal/format.h"
#include "journal/journal.h"
#include "journal/segment_file.h"
#include "journal/segment_reader.h"

// Writing, syncing, and what is done when either fails.
namespace coworker::journal {

Result<> Journal::write_out() {
  if (!writable()) return fail(Errc::unavailable, trouble_);
  if (auto written = write_pending(); !written) return mend(written.error());
  if (written_ - synced_ <= options_.unsynced_bytes) return {};
  const auto task = start_sync();
  return task ? finish_sync(*task, SyncTask{*task}.run()) : Result<>{};
}

Result<> Journal::write_pending() {
  while (written_ < end_) {
    const auto after = std::upper_bound(segments_.begin(), segments_.end(), written_,
                                        [](Position p, const Segment& segment) { return p < segment.base; });
    CW_CHECK(after != segments_.begin());
    Segment& segment = *std::prev(after);
    if (auto done = write_range(segment, std::min(segment.end, end_)); !done) return done;
  }
  return {};
}

Result<> Journal::write_range(Segment& segment, Position to) {
  while (written_ < to) {
    const Bytes bytes = tail_.view(written_, to);
    if (auto done = write_all(segment.file->file(), segment.file->offset_of(written_), bytes); !done) return done;
    written_ += bytes.size();
  }
  return {};
}

std::optional<SyncTask> Journal::start_sync() {
  if (!writable()) return std::nullopt;
  SyncTask task;
  task.disk_ = &disk_;
  task.covers_ = written_;
  task.names_ = names_changed_;
  task.generation_ = generation_;
  task.directory_ = names_synced_ != names_changed_;
  if (written_ > synced_) {
    // Dropped ones too: they count until they are removed.
    const auto add = [&](const Segment& segment) {
      if (segment.end > synced_ && segment.base < written_) task.files_.push_back(segment.file);
    };
    for (const Dropped& dropped : dropped_) add(dropped.segment);
    for (const Segment& segment : segments_) add(segment);
  }
  if (task.files_.empty() && !task.directory_) return std::nullopt;
  return task;
}

Result<> Journal::finish_sync(const SyncTask& task, Result<> result) {
  if (task.generation_ == generation_) {
    if (!result) return mend(result.error());
    synced_up_to(task.covers_, task.names_);
  }
  return writable() ? Result<>{} : fail(Errc::unavailable, trouble_);
}

Result<> Journal::sync() {
  if (auto written = write_out(); !written) return written;
  auto task = start_sync();
  if (!task) return {};
  auto result = task->run();
  return finish_sync(*task, std::move(result));
}

void Journal::synced_up_to(Position position, std::uint64_t names) {
  synced_ = std::max(synced_, position);
  names_synced_ = std::max(names_synced_, names);
  const Position recent = end_ > options_.recent_bytes ? end_ - options_.recent_bytes : 0;
  tail_.release(std::min(synced_, recent));
  if (names_synced_ == names_changed_) spares_.names_are_synced();
  remove_dropped();
}

/// Something could not be written or synced: what is not surely on the disk goes to a new segment.
Result<> Journal::mend(const Error& cause) {
  ++generation_;
  auto replaced = replace_unsynced();
  if (replaced) return {};
  trouble_ = cause.message();
  if (replaced.error().message() != cause.message()) trouble_ += "; then " + replaced.error().message();
  return fail(Errc::unavailable, trouble_);
}

bool Journal::try_resume() {
  if (writable()) return true;
  ++generation_;
  if (auto replaced = replace_unsynced(); !replaced) {
    trouble_ = replaced.error().message();
    return false;
  }
  return true;
}

/// Starts a segment that begins where the last good sync ended, holds everything from there on, and is synced
/// with its name. What older segments hold behind that place is void from then on.
Result<> Journal::replace_unsynced() {
  std::string checkpoint = options_.checkpoint();
  const std::uint64_t needed = header_block_bytes(checkpoint.size()) + (end_ - synced_);
  auto spare = spares_.take(needed, std::max(needed, segment_bytes_));
  if (!spare) return tl::unexpected{spare.error()};
  auto started = start_segment(std::move(*spare), synced_, std::move(checkpoint));
  if (!started) return tl::unexpected{started.error()};
  const std::uint64_t names = names_changed_;
  if (auto synced = disk_.sync_dir(); !synced) return synced;

  // What is dropped but not yet removed is older than all others, and void behind the same place.
  while (!segments_.empty() && segments_.back().base >= started->base) {
    discard(segments_.back(), started->base);
    segments_.pop_back();
  }
  while (!dropped_.empty() && dropped_.back().segment.base >= started->base) {
    discard(dropped_.back().segment, started->base);
    dropped_.pop_back();
  }
  if (!segments_.empty()) segments_.back().end = started->base;
  segments_.push_back(std::move(*started));
  hint_bytes_ = 2 * (end_ - segments_.back().base);  // at most, whatever is in it
  measure_segments();
  trouble_.clear();
  written_ = end_;
  synced_up_to(end_, names);
  return {};
}

/// A segment that one which begins at `replaced_from` has made void. One of the same name is gone already.
void Journal::discard(const Segment& segment, Position replaced_from) {
  if (segment.base != replaced_from) void_names_.push_back(segment.file->name());
  removed_.emplace_back(segment.file, segment.bytes);
}

Result<> Journal::close() {
  if (auto synced = sync(); !synced) return synced;
  if (synced_ <= marked_) return {};
  // Without room for it the next opening copies a little.
  if (!reserve(record_bytes(0, 0), Urgency::compaction)) return {};
  begin_record();
  commit_record();
  return sync();
}

}  // namespace coworker::journal
