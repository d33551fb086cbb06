#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/loop.h"
#include "proc/child.h"
#include "service/loops.h"
#include "service/restart_rule.h"
#include "worker/line_socket.h"
#include "worker/loop_page.h"
#include "worker/loop_runner.h"

namespace coworker::service {

/// One loop worker in its supervisor: its process while it has one, whether it is to have one, and what it was told.
///
/// It never starts by itself: it says that it wants to (wants_start), and Loops, which knows the others, starts it.
///
/// Owned by Loops, on the supervisor's loop. Must be over when it is destroyed.
class LoopProcess {
 public:
  using Done = Loops::Done;
  struct Events {
    std::function<void()> on_change;
    std::function<void(const std::string& text)> on_end;  // see Loops::Events
  };

  LoopProcess(async::Loop& loop, LoopConfig config, const Loops::Setting& setting, Events events);
  ~LoopProcess();

  const LoopConfig& config() const { return config_; }
  LoopView view() const;

  /// It is to run, its time has come, and nothing of its last process is left.
  bool wants_start() const { return wanted_ && !has_process() && !waits_; }
  /// Whether something of it may still run.
  bool has_process() const { return child_ != nullptr || !is_gone_; }
  bool is_up() const;  // it has spun up
  bool is_retired() const { return retired_; }
  void launch();

  void hold(bool on);
  void reopen_files();
  bool on_gone(std::uint32_t owner);
  void on_keeper_lost();

  /// It is not started any more, and ends when stop() comes.
  void retire();
  /// Ends its process in good order, SIGKILL when that takes longer than the graces; it does not come again.
  void stop();
  void kill();

  // See Loops.
  void pause(Done done);
  void resume(Done done);
  void start(Done done);
  void stop_for(Done done);
  void restart(Done done);
  void send(std::string word, boost::json::value arguments, Done done);

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    std::string text;  // the line; kept until a process has it
    Done done;
  };

  Result<> try_launch();
  Result<proc::ChildOptions> child_options(int keeper) const;
  std::string spec_text() const;
  void executes(pid_t pid);
  void ask_to_stop();
  void heard(std::string_view line);
  void answered(const boost::json::object& said);
  void transmit(boost::json::object what, Done done);
  void pass_hold(Done done);
  void ended(Result<proc::Certificate> end);
  void finished();
  void died(const std::string& text);
  void wait(Millis pause);
  void arm_hang();
  void check_hang();
  void drop_pending(const std::string& why);
  void call_all(std::vector<Done>& waiting, const Result<boost::json::value>& result);
  void changed();

  async::Loop& loop_;
  LoopConfig config_;
  const Loops::Setting& setting_;
  Events events_;
  RestartRule rule_;

  std::shared_ptr<proc::Child> child_;  // null: it does not run
  std::shared_ptr<worker::LineSocket> link_;
  std::unique_ptr<worker::LoopPage> page_;  // of the last process
  std::uint32_t owner_ = 0;
  bool is_gone_ = true;  // the keeper has nothing of it any more
  std::optional<proc::Certificate> last_end_;
  std::string failure_;
  Clock::time_point started_{};

  bool wanted_ = true;     // it is to run
  bool retired_ = false;   // for good
  bool stopping_ = false;  // its process was told to end
  bool ours_ = false;      // its end was our wish
  bool waits_ = false;     // for its next start
  bool fatal_ = false;
  bool paused_ = false;  // by somebody
  bool held_ = false;    // by the kill switch
  Millis pause_{0};
  boost::asio::steady_timer wait_timer_;
  boost::asio::steady_timer hang_timer_;
  boost::asio::steady_timer kill_timer_;

  std::uint64_t restarts_ = 0;
  std::uint64_t rounds_ = 0;  // of its former processes
  std::uint64_t failed_ = 0;

  std::int64_t last_id_ = 0;
  std::map<std::int64_t, Pending> pending_;  // commands without an answer
  std::vector<Done> starting_;               // who waits until it is up
  std::vector<Done> ending_;                 // and until it is gone
};

}  // namespace coworker::service
