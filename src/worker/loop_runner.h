#pragma once

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "async/loop.h"
#include "worker/line_socket.h"
#include "worker/loop_page.h"
#include "worker/loop_spec.h"
#include "worker/period.h"
#include "worker/rounds.h"

/// What goes over the link between a supervisor and a loop worker's process, JSON objects, one a line:
///
///   supervisor   {"order":"begin"}                           first; nothing is done before it
///                {"id":7,"order":"pause"}                    pause, resume
///                {"id":8,"word":"rename","arguments":…}      a command of the author's
///                {"order":"stop"}   {"order":"reopen"}       at once, without an answer
///   worker       {"id":8,"ok":true,"reply":…}
///                {"id":8,"ok":false,"code":"not_found","error":"…"}
///                {"phase":2}                                 it has changed
///                {"failed":"…"}                              a round, or spinup, and why
namespace coworker::worker {

/// The life of a loop worker's process: spinup, rounds, spindown. Takes its orders in the order they come, one after
/// the other, between two rounds; only a stop is known to a running round at once.
///
/// A link that ends is a stop, and so is SIGTERM.
///
/// Lives on its loop's thread.
class LoopRunner {
 public:
  LoopRunner(async::Loop& loop, LoopSpec spec, Rounds& rounds, LoopPage& page);

  /// The rest happens on the loop, which runs dry when the process is to end.
  Result<> start(Fd link);

  /// 0 after a stop in good order.
  int exit_code() const { return code_; }

 private:
  using Clock = Period::Clock;
  struct Order {
    std::int64_t id = 0;
    bool is_word = false;  // the author's
    std::string name;
    boost::json::value arguments;
  };

  void heard(std::string_view line);
  void take(const boost::json::object& said);
  void begin();
  void listen();
  void stop(const char* why);
  void next();
  void next_later();
  void sleep();
  void work(std::function<void(Rounds::Done)> what, std::function<void(Result<>)> then);
  void run_round();
  void run_order();
  void finish();
  void end(int code);
  void set_phase(LoopPhase phase);
  void tell(const boost::json::object& what);
  void answer(std::int64_t id, const Result<boost::json::value>& result);

  async::Loop& loop_;
  LoopSpec spec_;
  Rounds& rounds_;
  LoopPage& page_;
  std::shared_ptr<LineSocket> link_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  std::optional<Period> period_;  // from the end of spinup on
  Clock::time_point begins_{};    // of the next round: when it is due, and the jitter; unset: not chosen
  std::minstd_rand random_;
  std::deque<Order> orders_;
  bool paused_;
  bool begun_ = false;
  bool busy_ = true;  // something runs in rounds_, or is about to
  bool stopping_ = false;
  bool over_ = false;
  int code_ = 0;
};

}  // namespace coworker::worker
