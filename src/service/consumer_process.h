#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/loop.h"
#include "proc/child.h"
#include "proc/keeper.h"
#include "service/config.h"
#include "service/remains.h"
#include "service/restart_rule.h"
#include "service/suspects.h"

namespace coworker::service {

/// The descriptors of a consumer process beside the standard ones.
inline constexpr int kAssignmentFd = 3;  // config_text.h
inline constexpr int kPageFd = 4;        // start_page.h
inline constexpr int kSuspectsFd = 5;    // suspects.h
inline constexpr int kKeeperFd = 6;      // an owner's connection, see proc/keeper_main.h
inline constexpr int kHeirFd = 7;        // hand_over.h; only where the program has hooks

/// Signals for a consumer that listens (start_page.h), beside SIGTERM: SIGUSR1 opens its files again.
inline constexpr int kDrainSignal = SIGUSR2;  // the page says that it is to drain

/// A consumer's exit code when an inline worker does not return: only its end ends that.
inline constexpr int kStuckExit = 75;

/// One place for a consumer process in the supervisor: starts it, and again when it ends, for ever: at once when it had
/// worked, ever later when it ends soon without, until it is stopped or retired. What it leaves is settled apart
/// (remains.h), so that one process that cannot be killed does not keep the place empty.
///
/// Owned by its group, on the supervisor's loop. Must be over (stop or retire, then on_over) when it is destroyed.
class ConsumerProcess {
 public:
  struct Setting {
    std::shared_ptr<const Config> config;  // of_group
    std::vector<std::string> environment;
    Suspects* suspects = nullptr;
    std::function<proc::Keeper*()> keeper;      // nullptr: there is none just now
    std::function<std::uint32_t()> next_owner;  // ids for the keeper
    std::shared_ptr<HandOver> heirs{};          // null: the program has no hooks
  };
  struct Events {
    std::function<void(Remains::Ending)> on_end;  // nothing of it runs any more
    std::function<void()> on_over;                // all has ended, and nothing comes again; may destroy the place
  };
  struct Status {
    std::string_view state;   // starting, ready, draining, stopping, waiting (to be started again)
    pid_t pid = 0;            // 0: none
    std::size_t running = 0;  // jobs
    std::uint64_t ended = 0;  // attempts of the running process
    std::uint32_t starts = 0;
    Millis pause{0};  // waiting: between its end and its next start
    std::string last_end;
  };

  ConsumerProcess(async::Loop& loop, Setting setting, Events events);

  void start();

  /// Its process takes nothing more and ends when its jobs have; it is not started again.
  void retire();

  /// SIGTERM, and SIGKILL after `grace`. Again: the same with less grace.
  void stop(Millis grace);

  void reopen_files();

  /// Call it kLooksPerLease times a lease: a process that runs jobs and gives no sign of life, because it is stopped or
  /// gets no processor, is killed with its workers before its leases end. Nobody else must run its jobs beside them.
  void watch();
  static constexpr int kLooksPerLease = 12;

  bool is_leaving() const noexcept { return stopping_ || retired_; }
  bool is_over() const noexcept { return over_; }
  Status status() const;

  /// From the keeper. False: it is not ours.
  bool on_gone(std::uint32_t owner);

  /// Adds the jobs of what it left, see Remains.
  void add_unsettled(std::vector<job::JobRef>& out) const;

  /// A running consumer ends in good order, to come again with the next keeper.
  void on_keeper_lost();

 private:
  using Clock = std::chrono::steady_clock;

  Result<> launch();
  void ended(Result<proc::Certificate> end);
  void buried(const std::shared_ptr<Remains>& remains, Remains::Ending ending);
  void start_later(Millis lived);
  void check_over();
  void signal(int number);

  async::Loop& loop_;
  Setting setting_;
  Events events_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<proc::Child> child_;                 // null: it does not run
  std::vector<std::shared_ptr<Remains>> all_remains_;  // the last one is of the running child
  bool stopping_ = false;
  bool retired_ = false;
  bool over_ = false;
  RestartRule restarts_{0, Millis{0}};
  Millis pause_{0};
  std::uint32_t starts_ = 0;
  std::string last_end_;
  Clock::time_point started_{};
  Clock::time_point heard_{};  // of the last sign of life
  std::uint32_t beats_ = 0;
  int silent_looks_ = 0;
};

}  // namespace coworker::service
