#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "job/id.h"
#include "job/lifecycle.h"

/// What can be asked of a store, and what it answers. The engine, every store and every protocol speak
/// these types and no others. Plain values; no thread.
///
/// Strings named queue, group, key and body are opaque bytes; empty group, key or register name: none.
namespace coworker::job {

/// A job, and the token under which the caller holds it. Token 0 is unfenced: accepted whatever the
/// job's state allows, as Disque's own commands are. With a token the operation succeeds only while
/// that very claim holds the job, else `conflict`.
struct JobRef {
  JobId id{};
  Token token{};
};

/// What became of one job of a command that names several.
enum class Status : std::uint8_t { done, not_found, conflict };

// ---- commands -----------------------------------------------------------------------------------

struct Add {
  std::string queue{};
  std::string body{};
  Millis delay{0};                // before the first queueing; must be < ttl
  Seconds retry{300};             // a silent holder is given up after this; 0: at most once, never again
  Seconds ttl{86'400};            // lifetime, >= 1 s
  std::int8_t priority = 0;       // lower runs first
  std::uint16_t replicas = 1;     // as asked for; shown, not acted upon
  std::uint64_t max_length = 0;   // refuse when the queue holds that many ready jobs; 0: no limit
  std::string group{};            // jobs of one group share the queue's group limit and one turn
  std::string unique_key{};       // (queue, key) is held until ack, bury or expiry
  std::string idempotency_key{};  // (queue, key) answers the first add's id for the window, even after its ack
  Seconds idempotency_window{0};
  std::string register_name{};       // committed with the add, which is refused unless the value grows
  std::uint64_t register_value = 0;  // 1 at least where there is a name
  bool bury_on_expiry = false;       // expiry moves it to the queue's failure queue, else removes it
};

/// Takes up to `count` ready jobs, one from each queue in turn.
struct Claim {
  std::vector<std::string> queues{};
  std::uint32_t count = 1;
  bool blocking = false;     // false: answers at once, also with nothing
  Millis wait{0};            // when blocking: the longest wait; 0: for ever
  bool fill = false;         // a claim that had to wait takes up to count; false: exactly one, as Disque does
  bool fair = false;         // false: in turns, from the first queue named on; true: whichever is behind
                             // its share (by weight) over all claims comes first
  Millis lease{0};           // 0: each job's own retry
  std::uint64_t ticket = 0;  // when blocking: the caller's name for it, for CancelClaim; unique in the store
  std::uint64_t owner = 0;   // not 0: for whom, see Disown
};

/// Ends a waiting claim with no jobs. A ticket that has been served already is not_found; the caller has
/// or gets that claim's jobs and must release them. Answer: Statuses of one.
struct CancelClaim {
  std::uint64_t ticket = 0;
};

struct Ack {
  std::vector<JobRef> jobs{};
};

/// The attempt failed (or crashed): it is counted, and the job runs again after `delay`, atomically.
/// A job with retry 0 is `conflict`: it must not run twice.
struct Retry {
  struct Item {
    JobRef job{};
    Millis delay{0};
    bool crashed = false;  // the worker died: counted apart from failures
    std::string reason{};  // kept with the job, at most 1 KiB
  };
  std::vector<Item> items{};
};

/// Given back unrun: no attempt is counted.
struct Release {
  std::vector<JobRef> jobs{};
};

/// The owner is no more: whatever claims made for it still hold is given back unrun, its claims that wait end with
/// nothing, and later ones get nothing. `spared` are jobs that somebody else answers for. Not durable: a store that is
/// opened again knows nothing of who held what. Answer: Count of what was given back.
struct Disown {
  std::uint64_t owner = 0;
  std::vector<JobRef> spared{};
};

/// Moves a job to a failure queue under the same id, with its origin and the reason. Its unique key is
/// freed; its lifetime there is `ttl`.
struct Bury {
  struct Item {
    JobRef job{};
    bool crashed = false;
    std::string reason{};
  };
  std::vector<Item> items{};
  std::string failure_queue{};  // empty: the queue's own
  Seconds ttl{3'932'100};       // 65,535 minutes, as Disqontrol's failure queue
};

/// Takes dead jobs out of their failure queue, under the same id. Revived they are as new: they wait in `queue` (empty:
/// where each came from) with counters from the beginning, and go to a failure queue when their lifetime ends; the
/// last failure's reason stays. Not revived they keep all that and only lie elsewhere. Group and unique key ended with
/// the burial. A job that is not dead, or is leased, is `conflict`. A pause of the queue does not hold them up.
struct MoveDead {
  struct Item {
    JobId id{};
    Seconds ttl{0};  // a lifetime that begins now; 0: what is left of the old one
  };
  std::vector<Item> items{};
  std::string queue{};  // empty only where they are revived
  bool revive = true;
};

/// Moves the end of the lease to now + lease (0: each job's own retry).
struct Extend {
  std::vector<JobRef> jobs{};
  Millis lease{0};
};

/// Into the queue now. `nack` counts a nack and takes a delay; else it counts an additional delivery.
struct Enqueue {
  std::vector<JobId> jobs{};
  bool nack = false;
  Millis delay{0};
};

struct Dequeue {
  std::vector<JobId> jobs{};
};

struct Remove {
  std::vector<JobId> jobs{};
};

/// Disque's WORKING. Answer: Worked.
struct Working {
  JobId id{};
};

/// Sets what is given and keeps the rest. Answer: QueueView of the queue after it.
struct SetQueue {
  std::string queue{};
  std::optional<bool> pause_in{};              // adds are refused
  std::optional<bool> pause_out{};             // claims see nothing
  std::optional<std::uint32_t> weight{};       // jobs per turn of a claim over several queues, >= 1
  std::optional<std::uint32_t> limit{};        // leased at the same time; 0: no limit
  std::optional<std::uint32_t> group_limit{};  // leased at the same time per group; 0: no limit
  std::optional<std::string> failure_queue{};  // where jobs of this queue are buried
};

/// Forgets registers whose name begins with `prefix` and whose value is below `below`. Answer: Count.
struct ForgetRegisters {
  std::string prefix{};
  std::uint64_t below = 0;
};

/// Removes all jobs of a queue (leased ones too), or of all queues. Answer: Count.
struct Purge {
  std::string queue{};
  bool all = false;
  // The engine works in slices; a store goes on by itself, and callers leave these 0.
  std::uint64_t cursor = 0;
  Key upto{};  // not 0: spares jobs that were made later
};

/// Events in the life of jobs, for people: kept for a while beside the jobs, also after their end. Nothing of it is
/// needed to run them; a power cut may take the last ones. Answer: Count.
struct Record {
  struct Item {
    JobId id{};
    std::string event{};  // one line of JSON, an object
  };
  std::vector<Item> items{};
};

// ---- questions ----------------------------------------------------------------------------------

struct Show {
  JobId id{};
};
struct QueueStat {
  std::string queue{};
};
/// Answer: Views of ready jobs with bodies, oldest first; negative count: newest first.
struct Peek {
  std::string queue{};
  std::int64_t count = 10;
};
/// Cursor 0 starts and, in the answer, ends. Every element present throughout is seen at least once.
struct ScanQueues {
  std::uint64_t cursor = 0;
  std::uint32_t count = 100;  // a hint: how many to visit
};
struct ScanJobs {
  std::uint64_t cursor = 0;
  std::uint32_t count = 100;
  std::optional<std::string> queue{};
  std::vector<State> states{};  // empty: all
  bool dead = false;            // only jobs in a failure queue
  bool bodies = false;
};
struct Totals {};

/// Whether the claims still hold their jobs: `conflict` and `not_found` say that they do not. Answer: Statuses.
struct Held {
  std::vector<JobRef> jobs{};
};

/// Events that were recorded for a job, oldest first. Answer: HistoryPage.
struct History {
  JobId id{};
  std::uint64_t after = 0;    // cursor of the page before; 0: from the first that is kept
  std::uint32_t count = 100;  // at most
};

using Command = std::variant<Add, Claim, CancelClaim, Ack, Retry, Release, Disown, Bury, MoveDead, Extend, Enqueue,
                             Dequeue, Remove, Working, SetQueue, ForgetRegisters, Purge, Record, Show, QueueStat, Peek,
                             ScanQueues, ScanJobs, Totals, Held, History>;

// ---- answers ------------------------------------------------------------------------------------

struct Added {
  enum class Outcome : std::uint8_t {
    created,
    duplicate,  // the unique key is held by `id`
    repeated,   // the idempotency key was used by `id`, which may be done by now
    paused,     // the queue takes no jobs
    full,       // max_length is reached
    stale,      // the register holds that value or a greater one
  };
  Outcome outcome = Outcome::created;
  JobId id{};
};

/// One claimed job.
struct Delivery {
  JobId id{};
  Token token{};
  std::string queue{};
  std::string body{};
  Seconds retry{0};
  std::int8_t priority = 0;
  std::uint16_t nacks = 0;
  std::uint16_t additional_deliveries = 0;
  std::uint16_t attempts = 0;  // failed ones so far, crashes included
  std::uint16_t crashes = 0;
};
struct Claimed {
  std::vector<Delivery> jobs{};
};

/// In the order of the command's jobs.
struct Statuses {
  std::vector<Status> each{};

  std::int64_t done() const {
    std::int64_t count = 0;
    for (const Status status : each) count += status == Status::done ? 1 : 0;
    return count;
  }
};

struct Worked {
  enum class Outcome : std::uint8_t { postponed, not_found, too_late };
  Outcome outcome = Outcome::postponed;
  Seconds retry{0};
};

struct Count {
  std::uint64_t count = 0;
  std::uint64_t cursor = 0;  // not 0: a slice is done, there is more
};

/// All that is known of a job.
struct View {
  JobId id{};
  std::string queue{};
  std::string body{};  // when asked for
  State state = State::ready;
  std::int8_t priority = 0;
  std::uint16_t replicas = 1;
  std::uint64_t created = 0;  // ms * 1,000,000 + a counter: strictly increasing
  Seconds ttl_left{0};
  Millis delay{0};
  Seconds retry{0};
  std::uint16_t nacks = 0;
  std::uint16_t additional_deliveries = 0;
  std::uint16_t attempts = 0;
  std::uint16_t crashes = 0;
  std::optional<Millis> due_in{};  // until it enters its queue again; none: it is there, or never
  std::string group{};
  std::string unique_key{};
  std::string origin{};  // not empty: dead, and this is the queue it came from
  std::string reason{};  // of the last failure
};

struct QueueView {
  std::string name{};
  std::uint64_t ready = 0;
  std::uint64_t scheduled = 0;
  std::uint64_t leased = 0;
  std::uint64_t dead = 0;                // of the ready ones: buried here
  Seconds age{0};                        // since the queue was first used
  Seconds idle{0};                       // since it was last used
  std::optional<Millis> oldest_ready{};  // age of the oldest ready job
  std::uint64_t blocked = 0;             // claims that wait for it
  std::uint64_t jobs_in = 0;
  std::uint64_t jobs_out = 0;
  bool pause_in = false;
  bool pause_out = false;
  std::uint32_t weight = 1;
  std::uint32_t limit = 0;
  std::uint32_t group_limit = 0;
  std::string failure_queue{};
};
struct QueuePage {
  std::uint64_t cursor = 0;
  std::vector<QueueView> queues{};
};
struct Views {
  std::uint64_t cursor = 0;
  std::vector<View> jobs{};
};
struct StoreTotals {
  std::uint64_t jobs = 0;
  std::uint64_t ready = 0;
  std::uint64_t scheduled = 0;
  std::uint64_t leased = 0;
  std::uint64_t queues = 0;
  std::uint64_t added = 0;  // since the store was made, as are the next four
  std::uint64_t acked = 0;
  std::uint64_t expired = 0;
  std::uint64_t buried = 0;
  std::uint64_t leases_ended = 0;
  std::uint64_t memory = 0;  // bytes of the index
  std::uint64_t disk = 0;    // bytes of the journal
  bool writable = true;      // false: adds are refused, see `trouble`
  std::string trouble{};
};

struct HistoryPage {
  std::uint64_t cursor = 0;  // of the last event; where the question began when there is none
  std::vector<std::string> events{};
};

/// Show and QueueStat of what does not exist answer std::monostate.
using Answer = std::variant<std::monostate, Added, Claimed, Statuses, Worked, Count, View, Views, QueueView, QueuePage,
                            StoreTotals, HistoryPage>;

}  // namespace coworker::job
