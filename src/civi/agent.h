#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/gate.h"
#include "async/loop.h"
#include "base/pauses.h"
#include "civi/claim.h"
#include "civi/connection.h"

namespace coworker::civi {

/// Runs the queues of one site: asks which there are, claims items where a worker is free, has them run, and tells what
/// became of each. Several agents may serve one site: a claim gives an item to one of them.
///
///   round     every pollInterval at most, and sooner and sooner while there is work: each queue is asked once
///   between   a queue that gave something, or whose item has just ended, is asked again as soon as a worker is free;
///             the queues take turns
///   failure   a round that fails is repeated, later and later; after so many in a row run() ends with the error
///
/// Owned by the supervisor; on its loop. run() must have returned when it is destroyed.
class Agent {
 public:
  struct Options {
    Millis poll_longest{660};
    Millis poll_shortest{50};
    std::optional<boost::json::object> poll_query;  // of Queue.get; none: chosen by the fields that queues have
    std::uint32_t failures = 10;
    Millis duration{0};      // run() ends after this; 0: never
    Millis task_timeout{0};  // 0: as long as the lease
    Millis stop_grace{10'000};
    bool log_polling = false;  // at level debug also each look
    bool log_waiting = false;  // at level debug also what waits for a worker
  };

  /// What happens to an item, for who keeps count and history.
  struct Event {
    bool is_start = false;
    Item item;
    ItemOutcome outcome = ItemOutcome::ok;  // of an end
    std::string reason;                     // of an end that was not good
    std::string text;                       // not empty: what its worker printed; then it is neither start nor end
    pid_t pid = 0;
    const proc::Certificate* certificate = nullptr;  // died
  };
  using Observer = std::function<void(const Event&)>;

  struct Queue {
    std::string name;
    Millis lease{3'600'000};
    bool is_hot = false;  // worth a question
  };
  /// An item whose worker has died: nobody gets it before its lease ends.
  struct Left {
    std::string queue;
    std::string id;
    std::chrono::steady_clock::time_point until;
  };
  struct Status {
    std::string site;
    std::map<std::string, std::array<std::uint64_t, kOutcomes>> ended;  // by queue
    std::uint64_t running = 0;
    std::uint32_t failures = 0;  // in a row
    std::vector<Left> left;
  };

  /// `work` has the workers; `control` only asks and claims.
  Agent(async::Loop& loop, std::shared_ptr<Connection> control, std::shared_ptr<Connection> work, Options options,
        Observer observer);
  ~Agent();

  /// Returns when it was stopped, has drained, or its time is over, and nothing of it runs; an error: it could not go
  /// on.
  async::Task<Result<>> run();

  /// Claims nothing any more; what runs has stop_grace to end. The second time: no grace.
  void stop();

  /// Claims nothing any more; what runs has all its time.
  void drain();

  /// While held nothing is claimed.
  void hold(bool on);

  const Status& status() const { return status_; }

 private:
  using Clock = std::chrono::steady_clock;

  async::Task<Result<>> work_until_stopped();
  async::Task<Result<>> connect();
  async::Task<Result<>> round();
  async::Task<Result<>> read_queues();
  async::Task<Result<>> claim(std::string queue);
  async::Task<> run_group(Group group, Millis lease);
  async::Task<> give_back(Group group, std::string when);
  async::Task<> hasten(Millis grace);
  bool is_ending() const { return stops_ > 0 || draining_; }
  async::Task<> limit_questions();
  Result<> failed(Error error);
  void succeeded();
  Queue* next_hot();
  Queue* find(const std::string& name);
  void take_queues(const boost::json::value& rows);
  void tell_end(const Group& group, const std::vector<ItemOutcome>& outcomes, const Reply& reply, pid_t pid);
  void leave(const Group& group, Clock::time_point until);

  std::shared_ptr<Connection> control_;
  std::shared_ptr<Connection> work_;
  Options options_;
  Observer observer_;
  Status status_;
  async::Gate gate_;
  Pauses failure_pauses_;
  async::Event wake_;
  async::Gate last_gate_;
  async::Event over_;  // nothing is asked any more, or it must not be
  std::optional<Clock::time_point> stop_by_;
  std::vector<Queue> queues_;
  std::size_t turn_ = 0;
  boost::json::object query_;
  bool connected_ = false;
  int stops_ = 0;
  bool draining_ = false;
  bool held_ = false;
  Clock::time_point end_ = Clock::time_point::max();
  Clock::time_point next_round_{};
  Clock::time_point next_read_{};
  Millis pause_{0};
  bool claims_fail_ = false;
  bool worked_ = false;  // since the last round
};

}  // namespace coworker::civi
