#pragma once

#include <functional>
#include <memory>

#include "app/command.h"
#include "app/configuration.h"
#include "async/loop.h"
#include "base/error.h"
#include "job/command.h"
#include "store/store.h"

namespace coworker::app {

/// The configuration as a command that was typed sees it: its -c, --store and password flags win.
Result<Configuration> configuration_of(const Arguments& arguments);

/// A store for a command that asks one thing after the other: calls block until the answer is here.
///
/// Thread safety: one thread.
class StoreSession {
 public:
  enum class Use {
    everything,
    one_add,  // a directory without a broker need not be loaded
    many_adds,
  };

  /// Opens the store of the configuration. `with_index`: see store::open_for_adding.
  static Result<StoreSession> open(const Settings& settings, Use use = Use::everything, bool with_index = false);

  StoreSession(StoreSession&&) noexcept;
  StoreSession& operator=(StoreSession&&) noexcept;
  ~StoreSession();

  store::Store& store();
  async::Loop& loop();

  Result<job::Answer> ask(job::Command command);

  /// The answer's value; what is not of that kind is a refusal to answer ("not_found").
  template <class T>
  Result<T> ask_for(job::Command command) {
    Result<job::Answer> answer = ask(std::move(command));
    if (!answer) return tl::unexpected{std::move(answer.error())};
    if (T* value = std::get_if<T>(&*answer)) return std::move(*value);
    return fail(Errc::not_found, "there is no such thing in the store");
  }

  /// Lets the loop work until `is_done`, which is looked at after each step.
  void run_until(const std::function<bool()>& is_done);

 private:
  struct State;
  explicit StoreSession(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace coworker::app
