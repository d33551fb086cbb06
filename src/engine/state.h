#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "engine/effects.h"
#include "engine/expiry.h"
#include "engine/fact.h"
#include "engine/id_mint.h"
#include "engine/key_index.h"
#include "engine/live_records.h"
#include "engine/once_keys.h"
#include "engine/owners.h"
#include "engine/queues.h"
#include "engine/timers.h"
#include "engine/waiters.h"
#include "job/command.h"

namespace coworker::engine {

/// The queues as a pure state machine: commands go in with the time, facts and answers come out. No
/// clock, thread, file or randomness in it. One thread. The cost of a command does not grow with the
/// number of jobs that wait.
///
/// Its life: replay the journal's checkpoint and facts, `start`, then commands.
class State {
 public:
  explicit State(IdMint mint);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // ---- recovery -----------------------------------------------------------------------------------

  /// What is not a job's own: clock, counters, queues' settings, registers.
  std::string checkpoint() const;
  /// Facts before `as_of` that are replayed later are in the checkpoint's counters already.
  Result<> restore_checkpoint(Position as_of, std::string_view bytes);
  Result<> replay(Position position, std::string_view fact, std::uint32_t body_bytes);

  /// Ends recovery: builds the order of the queues. `epoch` must be greater than any before.
  /// Nothing expires before `expire_from`.
  void start(std::uint32_t epoch, Time now, Time expire_from);

  // ---- commands -----------------------------------------------------------------------------------

  /// `now` never decreases. An error: refused, nothing has changed.
  Result<> apply(const job::Command& command, Time now, Effects& effects);

  /// The adds up to `key` are durable: their jobs may be claimed.
  void commit(job::Key key, Time now, Effects& effects);
  job::Key last_key() const { return job::Key{epoch_ << 40 | keys_}; }

  /// Whatever is due at `now`, at most `budget` events; the rest is `more`.
  void tick(Time now, std::uint32_t budget, Effects& effects);

  /// Housekeeping when nothing is due.
  void idle(Time now);

  /// When `tick` has something to do; nullopt: not before another command.
  std::optional<Time> next_event() const;

  // ---- journal ------------------------------------------------------------------------------------

  void placed(const Effects::Item& item, Position position);

  /// A fact found at `position` of the oldest segment: appended anew to `effects` if it is still the
  /// record of something that lives, else nothing. Nothing changes until it is `placed`.
  Result<> rewrite(Position position, std::string_view fact, std::string_view body, Effects& effects);

  /// The journal begins a new segment at `position`.
  void begin_part(Position position) { records_.begin_part(position); }
  /// Whether surely no record before `end` is of anything that lives: it need not be looked through.
  bool nothing_lives_before(Position end) { return records_.none_before(end); }

  /// About what the records of all living jobs take, in bytes, within a tenth.
  std::uint64_t live_bytes() const { return live_bytes_; }

  /// 0 when there is no such register.
  std::uint64_t register_value(std::string_view name) const;

  /// How many jobs claims for this owner may hold at most.
  std::size_t most_held_by(std::uint64_t owner) const { return owners_.most_held(owner); }
  /// How many bytes the names of the registers that this would forget have, and how many there are.
  std::pair<std::size_t, std::size_t> forgettable(const job::ForgetRegisters& forget) const;

  bool nobody_waits() const { return waiters_.empty(); }
  /// How many jobs the waiting claims would take at most.
  std::uint64_t wanted() const { return std::min(waiters_.wanted(), index_.size()); }
  /// The longest name so far of a queue or failure queue, in bytes.
  std::size_t longest_name() const { return queues_.longest_name(); }
  /// How many bytes of queue names the record of the job's burial would hold; 0 when there is no such job.
  std::size_t names_of_burial(const job::JobId& id, std::string_view failure_queue) const;

  Time now() const { return now_; }
  std::uint64_t jobs() const { return index_.size(); }
  job::StoreTotals totals() const;
  std::uint64_t memory() const;

 private:
  /// Text of a job that few jobs have.
  struct Extra {
    std::string unique_key;
    std::string origin;
    std::string reason;
  };
  using Wait = Effects::Wait;

  void answer(const job::Add& add, Effects& effects);
  void answer(const job::Claim& claim, Effects& effects);
  void answer(const job::CancelClaim& cancel, Effects& effects);
  void answer(const job::Ack& ack, Effects& effects);
  void answer(const job::Retry& retry, Effects& effects);
  void answer(const job::Release& release, Effects& effects);
  void answer(const job::Disown& disown, Effects& effects);
  void answer(const job::Bury& bury, Effects& effects);
  void answer(const job::MoveDead& move, Effects& effects);
  void answer(const job::Extend& extend, Effects& effects);
  void answer(const job::Enqueue& enqueue, Effects& effects);
  void answer(const job::Dequeue& dequeue, Effects& effects);
  void answer(const job::Remove& remove, Effects& effects);
  void answer(const job::Working& working, Effects& effects);
  void answer(const job::SetQueue& set, Effects& effects);
  void answer(const job::ForgetRegisters& forget, Effects& effects);
  void answer(const job::Purge& purge, Effects& effects);
  void answer(const job::Show& show, Effects& effects);
  void answer(const job::QueueStat& stat, Effects& effects);
  void answer(const job::Peek& peek, Effects& effects);
  void answer(const job::ScanQueues& scan, Effects& effects);
  void answer(const job::ScanJobs& scan, Effects& effects);
  void answer(const job::Totals&, Effects& effects);
  void answer(const job::Held& held, Effects& effects);
  // A store keeps the history beside the engine; here it does nothing.
  void answer(const job::Record&, Effects&) {}
  void answer(const job::History&, Effects&) {}

  // state_jobs.cc: one job's moves
  void set_record(Entry& entry, Position position, std::uint64_t bytes);
  void set_register(std::string_view name, std::uint64_t value);
  void set_once(std::string_view queue, std::string_view key, const Once& once);
  std::optional<job::Added> refusal(const job::Add& add, QueueIndex queue, Effects& effects) const;
  Slot create(const job::Add& add, QueueIndex queue, Effects& effects);
  job::JobId id_of(const Entry& entry) const;
  Slot find(const job::JobId& id) const;
  Slot held(const job::JobRef& job, job::Status& status) const;
  Extra* extra_of(Slot slot);
  const Extra* extra_of(Slot slot) const;
  Extra& make_extra(Slot slot);
  bool move(Slot slot, job::Event event);
  void detach(Slot slot);
  void enqueue(Slot slot);
  void schedule(Slot slot, std::int64_t due);
  void lease(Slot slot, std::int64_t due);
  QueueIndex rehouse(Slot slot, const std::string& queue);
  void bury(Slot slot, std::string_view failure_queue, Seconds ttl, std::string_view reason);
  void forget(Slot slot);
  void free_unique_key(Slot slot);
  void set_expiry(Slot slot, std::int64_t expires);
  void remove(Slot slot, job::Event event, Effects& effects);
  void postpone(Slot slot);
  std::int64_t lease_end(const Entry& entry, Millis lease) const;
  std::string failure_queue_of(Slot slot, std::string_view wanted) const;
  void note(Slot slot, job::Event event, Effects& effects) const;
  void note_moved(Slot slot, job::Event event, Effects& effects) const;
  void note_removed(job::Key key, job::Event event, Effects& effects) const;
  void note_job(Slot slot, const JobFact& cold, std::string_view body, Effects& effects) const;
  static void note_register(std::string_view name, std::uint64_t value, Effects& effects);
  StateFact state_fact(Slot slot, job::Event event) const;

  // state_claim.cc
  bool holds(job::Key key, job::Token token) const;
  void claim(const job::Claim& claim, std::span<const QueueIndex> queues, std::uint32_t count, job::Claimed& claimed,
             std::vector<Position>& records, bool& at_most_once, Effects& effects);
  void take(Slot slot, Millis lease, job::Claimed& claimed, std::vector<Position>& records, Effects& effects);
  QueueIndex behind_share(std::span<const QueueIndex> queues) const;
  void serve_waiters(Effects& effects);
  void serve(std::uint64_t ticket, Effects& effects);
  void mark(QueueIndex queue) { awakened_.push_back(queue); }

  // state_time.cc
  bool expire_one(Effects& effects);
  void end_life(Slot slot, std::string_view why, job::Event event, Effects& effects);
  void end_wait(Slot slot, Effects& effects);
  void drop_idle_queues();

  // state_query.cc
  job::View view_of(Slot slot) const;
  job::QueueView view_of_queue(QueueIndex queue) const;
  bool wanted(const job::ScanJobs& scan, QueueIndex queue, const Entry& entry) const;

  // state_restore.cc
  Result<> replay_job(Position position, std::string_view bytes, std::uint32_t body_bytes, bool count);
  void replay_state(const StateFact& fact, bool count);
  void replay_moved(const MovedFact& fact, bool count);
  void replay_removed(const RemovedFact& fact, bool count);
  void forget_replayed(Slot slot);
  void count_replayed(job::Event event, QueueIndex queue);
  void restore_state(Slot slot, const StateFact& fact);
  void restore_queue(const QueueFact& fact);
  QueueFact queue_fact(const Queue& queue) const;
  static std::string unique_name(QueueIndex queue, std::string_view key);
  void settle(Slot slot);

  IdMint mint_;
  Time now_{};
  Time expire_from_{};
  std::uint64_t epoch_ = 0;
  std::uint64_t keys_ = 0;  // counters of this epoch
  std::uint64_t tokens_ = 0;
  std::uint64_t share_ = 0;  // virtual time of fair claims
  std::uint64_t live_bytes_ = 0;
  LiveRecords records_;
  Position counted_ = 0;  // replay: facts before this are in the counters
  QueueIndex idle_cursor_ = 1;

  Slab slab_;
  KeyIndex index_;
  Queues queues_{slab_};
  Timers timers_;
  ExpiryRings expiry_;
  Slot pending_head_ = 0;  // adds that are not committed yet, in the order of their keys
  Slot pending_tail_ = 0;
  std::unordered_map<Slot, Extra> extras_;
  std::unordered_map<std::string, Slot> unique_;  // queue index (4 bytes) and key
  OnceKeys once_;
  std::map<std::string, std::uint64_t, std::less<>> registers_;
  Waiters waiters_;
  Owners owners_;
  std::vector<QueueIndex> claimed_from_;  // by the claim that is being answered
  std::vector<QueueIndex> awakened_;      // queues in which something became claimable
  job::StoreTotals totals_;               // the counters since the store was made
};

}  // namespace coworker::engine
