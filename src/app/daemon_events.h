#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "coworker/daemon.h"

namespace coworker::app {

/// The listeners of a Daemon, by the names of the events:
///
///     daemon.posix.<number>, daemon.posix.SIG<NAME>     a signal; both, in this order
///     daemon.socket.client.connect, …hangup             who calls the socket
///     daemon.worker.<word>                              a loop worker's round or command
class DaemonEvents {
 public:
  DaemonEvents() = default;
  ~DaemonEvents();
  DaemonEvents(const DaemonEvents&) = delete;
  DaemonEvents& operator=(const DaemonEvents&) = delete;

  /// Only before `start`. invalid_argument: there is no such event, or nobody can listen to it.
  Result<> listen(const std::string& name, Daemon::Listener listener, int priority, bool once);

  /// What must be caught, so that these are events and harm nobody: all signals that would end the daemon without
  /// telling a fault or a wish of the terminal, and the others that are listened to.
  std::vector<int> signals() const;

  /// A thread of its own calls the listeners.
  void start();
  /// Any thread. Lost when 10,000 wait already.
  void emit(std::string name, int signal = 0);
  void emit_signal(int number);
  /// What was emitted is told, `limit` at most; false: a listener does not return, and the thread with it.
  bool stop(Millis limit);

  /// In a worker's process: calls the listeners of daemon.worker.<word> here. Whether there is one.
  bool tell_worker_event(const std::string& word, LoopWorker& worker);

 private:
  struct Registered {
    std::string name;
    Daemon::Listener listener;
    int priority = 0;
    bool once = false;
    bool over = false;
  };

  bool tell(const DaemonEvent& event);
  void work();

  std::vector<Registered> listeners_;  // by priority

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<DaemonEvent> waiting_;
  bool busy_ = false;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace coworker::app
