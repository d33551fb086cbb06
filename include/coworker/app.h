#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "coworker/channel_worker.h"
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

  /// Called at that place in the process of each raw or evented worker, with its name. What it throws ends the worker.
  App& at(Stage stage, std::function<void(const std::string& name)> hook);

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
  App& add_raw(std::string name, std::function<std::unique_ptr<RawWorker>(const std::string&)> make);
  App& add_evented(std::string name, std::function<std::unique_ptr<EventedWorker>(const std::string&)> make);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coworker
