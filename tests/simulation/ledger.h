#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "job/command.h"

namespace coworker::simulation {

/// What the clients of a store have been told, and what that obliges it to. Every answer goes through here;
/// one that contradicts an earlier one is reported.
class Ledger {
 public:
  explicit Ledger(std::function<void(std::string)> report) : report_{std::move(report)} {}

  /// How the job stood when a client sent something about it.
  struct Sent {
    bool held = false;   // surely by this client
    bool stale = false;  // surely by a later one
  };

  // Answers that reached a client, at the store's time `now`.
  /// `paused`: the client knew the queue to be when it sent the add, at event `sent_at`.
  void added(const job::Add& add, const job::Added& answer, bool paused, std::uint64_t sent_at, Time now);
  /// Taken at `from` or later; `now` is when the client hears of it.
  void delivered(const job::Delivery& job, Millis lease, bool safe, Time from, Time now);
  /// `how` as in the command; `safe`: the answer promised that it survives the end of the process.
  void answered(const job::JobRef& job, job::Event how, job::Status status, Millis time, Sent sent, bool safe,
                Time now);
  Sent sending_state(const job::JobRef& job, Time now) const;

  /// The client gives the job up by what it sends now.
  void sending(const job::JobRef& job, job::Event how, Millis time, Time now);
  std::uint64_t events() const { return events_; }
  void set_paused(const std::string& queue, bool paused) { paused_[queue] = paused; }

  /// A command was sent and its answer never came: it may or may not have happened.
  void unanswered(const job::JobRef& job);
  /// It may have taken jobs; those that run at most once are given to nobody else then.
  void unanswered_claim(const std::vector<std::string>& queues);
  /// All that `owner` took is given back by what is sent now; returns what it held for all the client knows.
  std::vector<job::JobRef> disowning(std::uint64_t owner);
  /// The claim that gave it this token was one for `owner`; `is_gone`: who has been disowned since.
  void taken_for(const job::JobRef& ref, std::uint64_t owner, bool is_gone);
  /// What lies in the queue is removed by what is sent now, unless it leaves it first; returns what surely lies there.
  std::vector<job::JobId> purging(const std::string& queue);
  /// It is gone; unless the power fails before the next sync.
  void purged(const job::JobId& id);
  /// A job that lies in the failure queue and that nobody holds.
  bool pick_dead(std::uint64_t number, job::JobId& id) const;
  /// What is sent now moves a dead job to an unknown place.
  void moving(const job::JobId& id);
  void moved(const job::JobId& id, job::Status status);
  void unanswered_pause(const std::string& queue) { paused_.erase(queue); }

  /// All that was written is synced now.
  void synced();
  /// The process died (all that was written is kept), or the power failed (all that was synced is kept).
  void process_died();
  void power_failed();

  /// Jobs that must exist at `now`: calls `check(id, body, queue)`.
  void must_exist(Time now, const std::function<bool(const job::JobId&)>& exists);
  const std::map<std::string, bool>& paused() const { return paused_; }
  std::size_t jobs() const { return jobs_.size(); }

  /// Some token under which a job was once delivered.
  bool pick(std::uint64_t number, job::JobRef& job, bool& once) const;

 private:
  enum class Fate {
    alive,
    gone,     // for good: synced, or promised
    written,  // gone, unless the power fails before the next sync
    unsure,
  };
  struct Known {
    job::JobId id;
    std::string body;
    std::string queue;
    std::string unique;
    Seconds retry{0};
    Fate fate = Fate::alive;
    std::int64_t expires = 0;  // ms
    std::int64_t first_expires = 0;
    int deliveries = 0;
    job::Token token{};
    job::Token old_token{};
    bool stale_surely = false;  // no power failure since the latest claim was heard of
    bool add_heard = false;
    bool lease_safe = false;  // survives the end of the process
    std::uint64_t gone_since = 0;
    bool leased = false;  // surely, until lease_end
    std::int64_t lease_end = 0;
    std::uint64_t owner = 0;  // of the latest claim
  };

  void report(const Known& job, const std::string& what);
  Known* find(const job::JobId& id);

  std::function<void(std::string)> report_;
  std::map<job::Key, Known> jobs_;
  std::uint64_t events_ = 1;
  std::vector<job::Key> delivered_;
  std::set<job::Key> written_;  // with that fate
  std::map<std::string, std::uint64_t> registers_;
  std::map<std::string, bool> paused_;
};

}  // namespace coworker::simulation
