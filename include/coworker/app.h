#pragma once

#include <memory>
#include <string>
#include <utility>

#include "coworker/worker.h"

namespace coworker {

/// The coworker program with workers of your own:
///
///     int main(int argc, char** argv) {
///       coworker::App app;
///       app.worker("resize", [](const coworker::Job& job) { resize(job.body()); });
///       return app.run(argc, argv);
///     }
///
/// is a program with all commands of `coworker`; where its configuration says `worker: { type: inline, name: resize }`
/// the function runs the jobs. Call `run` before the program has any side effect of its own: it is also started as
/// consumer and as keeper, with arguments that `run` knows.
class App {
 public:
  App();
  ~App();
  App(App&&) noexcept;
  App& operator=(App&&) noexcept;

  /// Registers a function under a name; a name that is taken is replaced. Several jobs may run at the same time, each
  /// on a thread of its own, so the function must be safe to call from several threads.
  template <class Function>
  App& worker(std::string name, Function function) {
    return add(std::move(name), as_worker(std::move(function)));
  }

  /// Runs the command that the arguments ask for. The result is the exit code: 0 done, 1 failed, 2 wrong usage.
  int run(int argc, char** argv);

 private:
  App& add(std::string name, WorkerFunction function);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coworker
