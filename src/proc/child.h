#pragma once

#include <sys/types.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "async/loop.h"
#include "base/error.h"
#include "base/fd.h"
#include "proc/certificate.h"
#include "proc/spawn.h"
#include "proc/tail.h"

namespace coworker::proc {

struct ChildOptions {
  Launch launch;              // where it names descriptors 0 and 1 they are its own, also when Child captures
  bool capture = true;        // keep the outputs; false: all descriptors are those of the launch
  Fd input;                   // its standard input when captured; none: /dev/null
  Millis timeout{0};          // then it is stopped as for process_timeout; 0: never
  Millis grace{5'000};        // between SIGTERM and SIGKILL then
  std::size_t tail = 65'536;  // bytes kept of each output
  std::string mark;           // a variable of its environment, by which what left its group is found and killed;
                              // needs adopt_orphans() in this process
  std::function<void(pid_t)> on_start;                                  // it executes; the pid is also the group
  std::function<void(std::string_view part, bool is_error)> on_output;  // what it writes, when captured
};

/// One program and its whole process group, from start until the group is confirmed dead. When the program
/// ends, what is left of its group is killed: a job's processes do not outlive it.
///
/// Owned by whoever started it and by its own pending waits; lives on the loop's thread. Dropping the last outside
/// pointer changes nothing: the group goes on until it ends or is stopped.
class Child : public std::enable_shared_from_this<Child> {
 public:
  /// Called once, on the loop, when the group is confirmed dead (then also forgotten by the keeper); an error
  /// when it could not be started. A group that cannot be killed (uninterruptible sleep) is waited for, and logged.
  using Done = std::function<void(Result<Certificate>)>;

  static std::shared_ptr<Child> start(async::Loop& loop, ChildOptions options, Done done);

  /// SIGTERM to the group, and SIGKILL after `grace` (0: SIGKILL at once). May be called again with less grace; the
  /// first reason stands.
  void stop(Killed why, Millis grace);

  /// Hands over what the program has written up to now, rather than when the loop comes to it: what it says elsewhere
  /// does not overtake what it printed before.
  void take_output();

  /// 0: not known to run yet.
  pid_t pid() const noexcept { return pid_; }

 private:
  using Stream = boost::asio::posix::stream_descriptor;
  struct Output {
    Output(async::Loop& loop, std::size_t limit) : stream{loop}, tail{limit} {}
    Stream stream;
    Tail tail;
    std::array<char, 8192> buffer{};
  };

  Child(async::Loop& loop, ChildOptions options, Done done);
  Result<> open_outputs(Launch& launch);
  static Result<> open_output(Output& output, Fd& end);
  void launch();
  void started(Result<Process> process);
  void read(Output& output);
  bool take(Output& output);  // reads what is there; false at the end
  void drain(Output& output);
  void arm(Millis delay, void (Child::*then)());
  void on_timeout();
  void on_grace_end();
  void ended();
  void confirm();
  bool anything_runs();
  void finish();

  async::Loop& loop_;
  ChildOptions options_;
  Done done_;
  Fd out_end_;  // the child's ends of the pipes, until it has them
  Fd err_end_;
  Output out_;
  Output err_;
  Stream pidfd_;
  boost::asio::steady_timer timer_;
  pid_t pid_ = 0;
  std::string mark_;  // the value
  std::chrono::steady_clock::time_point started_{};
  Certificate certificate_;
  bool stop_early_ = false;  // before the start was known
  Millis early_grace_{0};
  bool over_ = false;
  Millis pause_{1};
  std::chrono::steady_clock::time_point complain_{};
};

}  // namespace coworker::proc
