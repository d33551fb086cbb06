#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/state.h"
#include "journal/journal.h"
#include "store/embedded/compactor.h"
#include "store/embedded/meta.h"
#include "store/store.h"

namespace coworker::store {

/// The engine and its journal, joined: each command's room is reserved, then it is applied, its facts are
/// appended, and its answer waits until they are as durable as promised. No loop, no thread of its own:
/// whoever drives it calls `apply`, then `write_out` and a sync, then `deliver`; and `tick` now and then.
///
/// Thread safety: one thread. Done functions are called from within `apply` and `deliver`; they may call
/// `apply` again. The disk outlives it.
class Core final : private journal::Recovery {
 public:
  struct Options {
    bool sync_adds = true;  // adds are answered after the sync, else after the write
    bool sync_acks = false;
    std::uint64_t segment_bytes = 0;
    /// Milliseconds that never step while the process runs (boot time), and the wall clock's.
    std::int64_t (*boot_clock)() = boot_millis;
    std::int64_t (*wall_clock)() = wall_millis;
    std::uint64_t (*random)() = nullptr;  // for a new store's identity; nullptr: the kernel's
    /// Runs `work` where it may wait for a disk, then `then` on the store's thread; default: both at once.
    std::function<void(std::function<void()> work, std::function<void()> then)> elsewhere;
    std::function<void(log::Level, const std::string&)> log;  // what an operator should know
  };
  using Done = Store::Done;

  /// Takes the disk's lock, recovers, adopts what was added without an owner, and begins a new epoch.
  static Result<std::unique_ptr<Core>> open(journal::Disk& disk, Options options);

  ~Core() override;

  void apply(job::Command&& command, Done done);

  /// Hands what was appended to the kernel. Trouble shows in `journal().writable()`.
  void write_out();
  /// True while an answer waits for a sync.
  bool wants_sync() const { return !after_sync_.empty() || !adds_after_sync_.empty(); }
  journal::Journal& journal() { return *journal_; }

  /// Commits adds that are durable now, and calls the Done of every answer that may leave.
  void deliver();

  /// Whatever is due; then up to one slice of compaction. True when there is more to do at once.
  bool tick();
  /// When to call `tick` next, in milliseconds from now; at most `most`.
  Millis until_tick(Millis most) const;

  /// Ends all waiting claims with nothing, and answers what is open: unavailable where it is not durable.
  void close();
  bool closed() const { return closed_; }

  const std::string& node() const { return meta_.node; }
  Time now() const;
  job::StoreTotals totals() const;
  const engine::State& state() const { return *state_; }

 private:
  struct Parked {
    journal::Position at = 0;
    Done done;
    job::Answer answer;
    std::optional<Error> failure;  // a body could not be read
  };
  /// Of an add: there may be many at once, so they are small.
  struct ParkedAdd {
    journal::Position at = 0;
    Done done;
    job::Added answer;
  };
  struct Purging {
    job::Purge rest;
    std::uint64_t removed = 0;
    Done done;
  };
  Core(journal::Disk& disk, Options options);
  Result<> recover();
  Result<> checkpoint(journal::Position as_of, journal::Bytes bytes) override;
  Result<> item(journal::Position position, journal::Bytes head, std::uint32_t body_bytes) override;

  Result<> reserve(std::size_t bytes, std::uint64_t wakes, journal::Urgency urgency);
  bool name_claim(job::Command& command);
  void purge_slice();
  void append();
  void settle(bool acknowledges, Done done);
  void answer_served();
  void answer_waiting(std::vector<engine::Effects::Served> served);
  void read_then_park(job::Answer&& answer, const std::vector<journal::Position>& records, engine::Effects::Wait wait,
                      Done done);
  void park(Parked&& parked, engine::Effects::Wait wait);
  void finish(Parked& parked);
  bool reached(journal::Position at, engine::Effects::Wait wait) const;
  bool commit_adds();
  void drain(std::deque<Parked>& parked, engine::Effects::Wait wait);
  bool tick_engine();

  Options options_;
  journal::Disk& disk_;
  Meta meta_;
  std::unique_ptr<engine::State> state_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<Compactor> compactor_;
  std::int64_t boot_origin_ = 0;  // store time = boot clock + this
  Time journaled_time_{};
  bool closed_ = false;

  engine::Effects effects_;
  std::deque<Parked> after_write_;
  std::deque<Parked> after_sync_;
  std::deque<ParkedAdd> adds_after_sync_;
  std::unordered_map<std::uint64_t, Done> claims_;           // that wait, by ticket
  std::deque<std::pair<journal::Position, job::Key>> adds_;  // not committed yet: end of record, last key
  std::uint64_t unnamed_tickets_ = 0;
  std::deque<Purging> purges_;  // one after another, a slice a tick
  std::size_t segments_at_tick_ = 0;
  std::size_t reading_ = 0;  // answers whose bodies are being read elsewhere
  std::string clock_fact_;
  std::optional<Errc> compaction_trouble_;
};

}  // namespace coworker::store
