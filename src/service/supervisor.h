#pragma once

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/gate.h"
#include "async/loop.h"
#include "async/task.h"
#include "proc/keeper.h"
#include "proc/systemd.h"
#include "service/backend.h"
#include "service/civi_tasks.h"
#include "service/config.h"
#include "service/endings.h"
#include "service/group.h"
#include "service/loops.h"
#include "service/queue_watch.h"
#include "service/run.h"
#include "service/scheduler.h"
#include "service/suspects.h"
#include "store/store.h"

namespace coworker::service {

/// Starts the keeper and the groups of consumers, keeps them running and as many as the load wants, and answers for the
/// jobs of those that die. Runs no user code, so it does not crash with it.
///
/// Lives on its loop's thread; run() returns when everything it started has ended.
class Supervisor final : private Answering {
 public:
  Supervisor(async::Loop& loop, Config config, Reload reload, RunEvents events);
  ~Supervisor() override;

  /// Before run(). An error: it could not be made.
  Result<> add_companion(const MakeCompanion& make);

  /// Returns the exit code, see run_supervisor.
  async::Task<int> run();

 private:
  async::Task<bool> open_store();
  Result<> start_scheduler();
  void set_queues();
  async::Task<> listen_for_signals();
  void on_signal(int number);
  async::Task<> wait_for_other_keeper();
  Result<> start_keeper();
  void keeper_lost();
  async::Task<bool> prepare_store();
  void make_loops();
  void on_loop_end(const std::string& text);
  void make_groups();
  Result<> serve_site();
  void on_site_end(const Result<>& outcome);
  void add_group(std::shared_ptr<const Config> part);
  void sweep();
  void reload();
  void apply(Config config);
  void stop();
  void stop_now();
  void check_over();
  void arm_leases();
  void renew_unsettled();
  void arm_look();
  void look();
  void obey_kill_switch();
  void announce_ready();
  std::string summary() const;

  // Answering
  const Config& config() const override { return config_; }
  store::Store* store() override { return store_.get(); }
  const std::vector<std::unique_ptr<Group>>& groups() const override { return groups_; }
  Loops* loops() override { return loops_.get(); }
  CiviTasks* civi() override { return civi_ && !civi_->is_over() ? civi_.get() : nullptr; }
  bool is_stopping() const override { return stops_ > 0; }
  bool is_held() const override { return held_; }
  api::Reloaded read_again() override;
  void shut_down() override;

  async::Loop& loop_;
  Config config_;
  Reload reload_;
  RunEvents events_;
  proc::Systemd systemd_;
  bool ready_ = false;
  async::Gate gate_;
  async::Event stopped_;  // everything has ended
  async::Event over_;     // and this ends, too
  boost::asio::signal_set signals_;
  bool listening_ = true;  // for signals, and its timers
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer lease_timer_;
  std::uint32_t lease_looks_ = 0;
  boost::asio::steady_timer look_timer_;
  std::vector<std::string> environment_;
  api::Reloaded last_reload_;
  std::unique_ptr<Suspects> suspects_;
  std::unique_ptr<proc::Keeper> keeper_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<Endings> endings_;
  std::unique_ptr<QueueWatch> watch_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::unique_ptr<Loops> loops_;
  std::shared_ptr<Scheduler> scheduler_;  // only where one is configured
  std::unique_ptr<CiviTasks> civi_;       // the same
  std::uint32_t last_owner_ = 0;
  SupervisorBackend backend_;
  std::unique_ptr<Companion> companion_;                // may be null
  bool held_ = false;                                   // by the kill switch
  std::string switch_trouble_;                          // why it could not be read
  int stops_ = 0;                                       // how often it was asked to stop
  std::chrono::steady_clock::time_point stop_asked_{};  // first, by a signal
  bool failed_ = false;                                 // it stops because something that must run does not
};

}  // namespace coworker::service
