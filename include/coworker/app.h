#pragma once

#include <any>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "coworker/channel_worker.h"
#include "coworker/hooks.h"
#include "coworker/loop_worker.h"
#include "coworker/methods.h"
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
/// is a program with all commands of `coworker`; where its configuration says `worker: { type: inline, name: resize }`,
/// or `isolated` for a process per job, the function runs the jobs. Call `run` before the program has any side effect
/// of its own: it is also started as consumer and as keeper, with arguments that `run` knows.
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

  /// What factories are handed: the value that `set_up` returns, a database connection say. It is made at most once in
  /// a process, when the first worker of a factory is about to run its first job there: never in the supervisor, the
  /// scheduler or `add`. When it throws, that job has failed, and the next one tries again.
  template <class SetUp>
  App& environment(SetUp set_up) {
    using Made = std::invoke_result_t<SetUp&>;
    return set_environment(
        [set_up = std::move(set_up)]() mutable { return std::any{std::make_shared<Made>(set_up())}; });
  }

  /// Registers a worker that is made in the process that runs it, once, before its first job: `factory` is called with
  /// the environment and the name, and returns a function as `worker` takes it.
  ///
  ///     app.environment([] { return Database{"app.db"}; });
  ///     app.factory<Database>("index", [](Database& database, const std::string&) {
  ///       return [&database](const coworker::Job& job) { database.index(job.body()); };
  ///     });
  template <class Environment, class Factory>
  App& factory(std::string name, Factory factory) {
    return add_factory(std::move(name), [factory = std::move(factory)](std::any& made, const std::string& own) mutable {
      const auto* environment = std::any_cast<std::shared_ptr<Environment>>(&made);
      if (environment == nullptr) throw std::logic_error{"the environment is of another type than '" + own + "' wants"};
      return as_worker(factory(**environment, own));
    });
  }

  /// Registers a class of RawWorker or EventedWorker for WorkerFactory; made in the worker's process, of the JSON text
  /// of the profile's arguments if it can be made of a std::string, else of nothing.
  template <class T>
  App& raw(std::string name) {
    return add_raw(std::move(name), [](const std::string& arguments) { return make<RawWorker, T>(arguments); });
  }
  template <class T>
  App& evented(std::string name) {
    return add_evented(std::move(name), [](const std::string& arguments) { return make<EventedWorker, T>(arguments); });
  }

  /// Registers a loop worker: `run` starts it in a process of its own, and there an object of the class is made, of
  /// what is given here. A name that is taken is an error (std::invalid_argument).
  template <class T, class... Arguments>
  App& loop_worker(std::string name, LoopOptions options, Arguments... arguments) {
    return add_loop(std::move(name), std::move(options), [arguments...] { return std::make_unique<T>(arguments...); });
  }

  /// Called at that place in the process of each raw or evented worker, with its name. What it throws ends the worker.
  App& at(Stage stage, std::function<void(const std::string& name)> hook);

  /// Synchronous mode: runs one job now, in this thread, and returns what became of it. The worker is the one that the
  /// configuration (COWORKER_CONFIG, ./coworker.yml) names for the queue, else the registered one of the queue's name;
  /// it is called as in the background, as the first attempt. `body` and `metadata` are JSON texts. No store is used; a
  /// failure is logged and not repeated.
  Outcome process(const std::string& queue, const std::string& body, const std::string& metadata = "{}") const;

  /// Functions around the jobs, and failure strategies: app.hooks().on_bury(…).
  Hooks& hooks() { return hooks_; }

  /// Methods for the callers of the control socket of `run`.
  Methods& methods() { return methods_; }

  /// Runs the command that the arguments ask for. The result is the exit code: 0 done, 1 failed, 2 wrong usage.
  int run(int argc, char** argv);

 private:
  template <class Base, class T>
  static std::unique_ptr<Base> make(const std::string& arguments) {
    if constexpr (std::is_constructible_v<T, std::string>) {
      return std::make_unique<T>(arguments);
    } else {
      return std::make_unique<T>();
    }
  }

  App& add(std::string name, WorkerFunction function);
  App& set_environment(std::function<std::any()> set_up);
  App& add_factory(std::string name, std::function<WorkerFunction(std::any&, const std::string&)> factory);
  App& add_raw(std::string name, std::function<std::unique_ptr<RawWorker>(const std::string&)> make);
  App& add_loop(std::string name, LoopOptions options, std::function<std::unique_ptr<LoopWorker>()> make);
  App& add_evented(std::string name, std::function<std::unique_ptr<EventedWorker>(const std::string&)> make);
  void register_hooks();

  struct State;
  std::unique_ptr<State> state_;
  Hooks hooks_;
  Methods methods_;
};

}  // namespace coworker
