#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "coworker/loop_worker.h"
#include "coworker/methods.h"
#include "coworker/value.h"

namespace coworker {

/// Something that happened in a daemon or in the process of one of its loop workers.
struct DaemonEvent {
  std::string name{};
  int signal = 0;                // of daemon.posix.…
  LoopWorker* worker = nullptr;  // of daemon.worker.…: the author's object
};

/// A daemon of your own: loop workers that are watched, and steered over a socket.
///
///     int main(int argc, char** argv) {
///       coworker::Daemon daemon{{{"description", "Copies files"}, {"sockethandler", "unix://copy.sock"}}};
///       daemon.install<Copier>("copier", std::chrono::seconds{10}, true);
///       return daemon.run(argc, argv);
///     }
///
/// `./copy -d` runs it in the background, `./copy -f -v` here with its log, `./copy -h` says more. The keys, the events
/// and the methods of the socket are in docs/daemon.md.
///
/// Its workers are started as the same program, so build and run it before any side effect of the program's own, in the
/// same way each time. Mistakes of the program (an unknown key, a name that is taken) are std::invalid_argument.
class Daemon {
 public:
  explicit Daemon(const Value::Map& keys = {});
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// A loop worker of class T, made of `arguments` in its own process. When one that is not `forever` ends by itself,
  /// the daemon stops all others and ends with 1.
  template <class T, class... Arguments>
  Daemon& install(std::string name, std::chrono::milliseconds looptime = std::chrono::seconds{1}, bool forever = false,
                  Arguments... arguments) {
    LoopOptions options;
    options.looptime = looptime;
    options.forever = forever;
    return install_as<T>(std::move(name), std::move(options), std::move(arguments)...);
  }

  /// The same with everything that can be said of how it runs.
  template <class T, class... Arguments>
  Daemon& install_as(std::string name, LoopOptions options, Arguments... arguments) {
    return add(std::move(name), std::move(options), [arguments...] { return std::make_unique<T>(arguments...); });
  }

  /// Methods of your own for the callers of the socket.
  Methods& methods();

  /// Called in the daemon's process before its workers start, once; in the background already when it is to run there.
  /// What it throws ends the start.
  Daemon& setup(std::function<void(Daemon&)> hook);

  /// Calls `listener` on events of that name, those of higher `priority` first. In the daemon they are called by one
  /// thread, one after the other, and delay nothing else; daemon.worker.… in the worker's process, between its rounds.
  /// Signals that keep the meaning they have in the system cannot be listened to.
  using Listener = std::function<void(const DaemonEvent&)>;
  Daemon& listen(const std::string& event, Listener listener, int priority = 0);
  /// The first time only.
  Daemon& listen_once(const std::string& event, Listener listener, int priority = 0);

  /// Does what the command line says. The result is the exit code: 0 done, 1 failed, 2 wrong usage.
  int run(int argc, char** argv);
  int init(int argc, char** argv) { return run(argc, argv); }

  // For methods and listeners, while it runs. They wait for the outcome and throw std::runtime_error with what went
  // wrong.

  /// A command of the author's: what the worker answers. JSON texts.
  std::string send(const std::string& worker, const std::string& word, const std::string& arguments = "null");
  void pause(const std::string& worker);
  void resume(const std::string& worker);
  void start(const std::string& worker);
  void stop(const std::string& worker);
  void restart(const std::string& worker);
  /// Begins the stop of the whole and returns at once.
  void shutdown();

 private:
  struct State;

  Daemon& add(std::string name, LoopOptions options, std::function<std::unique_ptr<LoopWorker>()> make);

  std::unique_ptr<State> state_;
};

}  // namespace coworker
