#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/loop.h"
#include "async/task.h"
#include "base/log.h"
#include "proc/certificate.h"
#include "proc/keeper.h"
#include "service/config.h"
#include "worker/loop_page.h"

namespace coworker::service {

class LoopProcess;

/// How a loop worker is, without asking it.
struct LoopView {
  std::string name;
  std::string id;
  LoopKind kind = LoopKind::command;
  worker::LoopPhase phase = worker::LoopPhase::backoff;
  pid_t pid = 0;     // 0: it does not run
  Millis uptime{0};  // of the running process
  Millis looptime{0};
  bool forever = true;
  std::uint64_t rounds = 0;  // of all its processes
  std::uint64_t failed_rounds = 0;
  std::uint64_t restarts = 0;  // by the watchdog
  std::optional<Millis> last_round;
  std::string last_failure;                    // why a round failed, or why it waits; empty: none did
  std::optional<proc::Certificate> last_exit;  // of its last process
  Millis pause{0};                             // backoff: until it is started again
};

/// The loop workers of a supervisor: started in the order of their dependencies, started again when they die, stopped
/// in the reverse order.
///
/// Owned by the supervisor, on its loop. Must be over (stop, then on_over) when it is destroyed.
class Loops {
 public:
  struct Setting {
    std::vector<std::string> environment;
    log::Options log;
    Millis stop_grace{10'000};                  // a worker's own end: round and spindown; then SIGTERM to what it runs
    Millis kill_grace{5'000};                   // after that, SIGKILL
    std::function<proc::Keeper*()> keeper;      // nullptr: there is none just now
    std::function<std::uint32_t()> next_owner;  // ids for the keeper
  };
  struct Events {
    std::function<void()> on_over;  // the stop is over
    /// One that is not forever has ended by itself: the whole is to stop, and to say that it failed.
    std::function<void(const std::string& text)> on_end;
  };
  using Done = std::function<void(Result<boost::json::value>)>;

  Loops(async::Loop& loop, Setting setting, Events events);
  ~Loops();

  /// Starts what is new, stops what is gone, replaces what has changed; the rest goes on.
  void apply(const std::vector<LoopConfig>& configs, const log::Options& log);

  /// While held, all are paused, whoever says what.
  void hold(bool on);

  /// For good: dependents before what they depend on, the others at once, SIGKILL at the end of one common deadline.
  /// Again: the same with less.
  void stop(Millis grace);
  bool is_over() const;

  void reopen_files();
  /// From the keeper. False: it is none of ours.
  bool on_gone(std::uint32_t owner);
  void on_keeper_lost();

  /// In the order of their installation.
  std::vector<LoopView> list() const;
  std::optional<LoopView> find(const std::string& name) const;

  /// These return when it is as asked: no round runs any more; it has spun up; its process is gone. not_found: there is
  /// no such worker; unavailable: it ended first, or the system stops.
  async::Task<Result<>> pause(std::string name);
  async::Task<Result<>> resume(std::string name);
  async::Task<Result<>> start(std::string name);
  async::Task<Result<>> stop(std::string name);
  async::Task<Result<>> restart(std::string name);

  /// A command of the author's: handled between two rounds, in the order of the calls; its reply. not_found also for a
  /// word that it does not know; internal, with the text, for what its handler throws.
  async::Task<Result<boost::json::value>> send(std::string name, std::string word, boost::json::value arguments);

 private:
  using Request = std::function<void(LoopProcess& process, Done done)>;

  void settle_later();
  void settle();
  LoopProcess* at(const std::string& name) const;
  bool may_start(const LoopProcess& process) const;
  bool has_running_dependent(const LoopProcess& process) const;
  async::Task<Result<boost::json::value>> ask(std::string name, Request request);
  async::Task<Result<>> act(std::string name, void (LoopProcess::*what)(Done done));

  async::Loop& loop_;
  Setting setting_;
  Events events_;
  std::vector<std::unique_ptr<LoopProcess>> processes_;
  std::vector<std::unique_ptr<LoopProcess>> leaving_;  // of a former configuration
  boost::asio::steady_timer deadline_;
  bool held_ = false;
  bool stopping_ = false;
  bool in_order_ = true;  // dependents end before what they depend on
  bool settling_ = false;
  // Ends the callbacks that are still queued when this object goes.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace coworker::service
