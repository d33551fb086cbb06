#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/threads.h"
#include "service/answers.h"
#include "service/config.h"
#include "service/event_log.h"
#include "service/hand_over.h"
#include "service/start_page.h"
#include "service/suspects.h"
#include "store/store.h"
#include "worker/hooked_worker.h"
#include "worker/registry.h"
#include "worker/worker.h"

namespace coworker::service {

/// Claims jobs of its queues, runs each in a slot, tells the store what became of it. A slot that is free is filled at
/// once, whatever the others do. Leases are renewed here, on the loop's thread, which runs no user code.
///
/// Owned by its process; lives on the loop's thread. Must be stopped when it is destroyed.
class Consumer {
 public:
  static constexpr int kRenewalsPerLease = 3;

  struct Parts {
    const Config* config = nullptr;  // of_group; outlives the consumer, as all of these
    StartPage* page = nullptr;
    Suspects* suspects = nullptr;  // nullptr: nobody is suspected
    const worker::Registry* registry = nullptr;
    EventLog* log = nullptr;
    int keeper = -1;  // -1: groups are not registered
  };
  struct Events {
    std::function<void()> on_stopped;  // after stop: nothing runs, and the store knows all
    std::function<void()> on_stuck;    // an inline worker does not return: only the end of the process ends it
  };

  Consumer(async::Loop& loop, store::Store& store, Parts parts, Events events);
  ~Consumer();

  /// An error names the worker that cannot be run.
  Result<> start();

  /// Claims nothing more, lets what runs end however long it takes, gives back the rest uncounted.
  void drain();

  /// As drain, but what runs has the stop grace to end. Again: as stop_now.
  void stop();

  /// As stop, without grace.
  void stop_now();

  /// Answers for a failed attempt of a consumer that died, as the program's hooks and strategies want.
  void inherit(Inherited inherited);

  std::size_t running() const noexcept { return running_.size(); }

 private:
  using Clock = std::chrono::steady_clock;

  /// A job in a slot.
  struct Running {
    Attempt attempt;
    std::shared_ptr<const Original> original;
    std::size_t slot = 0;
    bool is_inline = false;
    bool suspect = false;
    bool lost = false;
    bool cancelled = false;  // lost, because the job is no more
    bool inherited = false;  // from a dead consumer; its end was told already
    Clock::time_point lease_end{};
    worker::Job job;
    std::shared_ptr<const worker::Job> kept;       // for hooks, if there are any
    std::shared_ptr<worker::Execution> execution;  // null: it does not run, yet or any more
  };
  using Id = std::uint64_t;

  Result<> make_workers();
  std::size_t room() const;
  job::Claim next_claim() const;
  void claim();
  void claimed(Result<job::Answer> answer);
  void receive(job::Delivery delivery);
  void refuse(const Attempt& attempt, const std::string& reason, std::shared_ptr<const Original> original);
  void start_waiting();
  bool may_start(const Running& running) const;
  void begin(Id id);
  void on_end(Id id, worker::Outcome outcome);
  void inherited_done();
  void answer_for(Inherited inherited, const job::View& view);
  void ask_strategy(Running running, worker::Outcome outcome, Decision decision);
  void finish(Running running, const worker::Outcome& outcome, Decision decision);
  worker::Failure failure_of(const Running& running, const worker::Outcome& outcome) const;
  void call_hooks_of(const Running& running, const worker::Outcome& outcome, const Decision& decision);
  void reported(Id id, const worker::Report& report);
  Event event_of(const Attempt& attempt, const Original& original, EventKind kind) const;
  void tell(const Running& running, EventKind kind, const std::string& reason) const;
  void tell_end(const Running& running, EventKind kind, const worker::Outcome& outcome, const Decision& decision) const;
  void answer(const Attempt& attempt, std::size_t slot, Decision decision, std::shared_ptr<const Original> original);
  void arm_leases();
  void renew_within(Millis lease);
  void renew();
  void renewed(const std::vector<Id>& ids, Result<job::Answer> answer, Clock::time_point asked);
  void arm_cancels();
  void ask_cancels();
  void lose(Running& running, proc::Killed why, const std::string& text);
  void lost_to(Running& running, job::Status status);
  void end_overdue_leases();
  void take_no_more();
  void stop_running(Millis grace);
  void give_back_unstarted();
  void check_stopped();
  Clock::time_point lease_from(Clock::time_point asked, const Running& running) const;
  bool keeper_lives() const;
  double roll() { return std::uniform_real_distribution<double>{0.0, 1.0}(random_); }

  async::Loop& loop_;
  store::Store& store_;
  Parts parts_;
  const ConsumerConfig& group_;
  Events events_;
  async::Threads threads_;
  Answers answers_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;  // by index of the queue; null: not ours
  std::map<std::string, std::uint32_t> queues_;           // of this group
  std::map<std::uint32_t, std::size_t> pools_;            // of queues with a pool: how many of their jobs are held
  std::map<Id, Running> running_;
  std::deque<Id> waiting_;   // claimed, and not to be started yet
  std::size_t started_ = 0;  // of running_, those that have a slot
  std::size_t inline_running_ = 0;
  std::size_t suspects_running_ = 0;
  Id next_id_ = 1;
  std::mt19937_64 random_{std::random_device{}()};
  std::size_t inheriting_ = 0;  // that are being looked up
  bool claiming_ = false;
  bool widening_ = false;           // the claim that waits was cancelled, to ask for more queues
  std::size_t claimed_queues_ = 0;  // of the latest claim
  bool fetched_ = false;            // since the store was reached last
  std::uint64_t ticket_ = 0;
  bool stopping_ = false;  // nothing more is claimed
  bool stop_asked_ = false;
  bool stopped_ = false;
  Millis claim_pause_{0};
  Millis renewal_pause_{0};
  boost::asio::steady_timer claim_timer_;
  boost::asio::steady_timer lease_timer_;
  boost::asio::steady_timer cancel_timer_;
  Id asked_below_ = 1;  // jobs with lower ids have run since the last look at least
  boost::asio::steady_timer stop_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace coworker::service
