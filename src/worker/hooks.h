#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "coworker/producer.h"
#include "worker/job.h"

namespace coworker::worker {

/// An attempt that failed or whose worker died.
struct Failure {
  const Job& job;
  std::string reason;
  bool crashed = false;
  std::uint32_t retries = 0;  // before this attempt
  std::uint32_t crashes = 0;
  std::uint32_t max_retries = 0;
};

/// What a failure strategy wants: again after a delay, or (nullopt) never.
using Again = std::optional<Millis>;

/// A program's own functions around jobs: filled in main, with the registry. They run on threads of the consumer; what
/// they throw is logged and does no harm.
struct Hooks {
  std::vector<std::function<void(const Job&)>> before_process;  // the job waits for it
  std::vector<std::function<void(const Job&, const Outcome&)>> after_process;
  std::vector<std::function<void(const Failure&)>> on_failure;
  std::vector<std::function<void(const Job&, const std::string& reason)>> on_bury;
  /// By name, for failures that limits (retries, crashes, lifetime) do not bury. One that throws: the usual backoff.
  std::map<std::string, std::function<Again(const Failure&)>> strategies;

  /// Around adds, see add_hooks.h.
  std::vector<std::function<void(std::string_view queue, std::string_view body, AddOptions&)>> before_add;
  std::vector<std::function<void(std::string_view queue, std::string_view body, const Added&)>> after_add;

  bool around_adds() const { return !before_add.empty() || !after_add.empty(); }

  /// Around jobs.
  bool any() const {
    return !before_process.empty() || !after_process.empty() || !on_failure.empty() || !on_bury.empty() ||
           !strategies.empty();
  }
};

/// A hook that threw is logged, under `name`.
void log_thrown(const char* name);

/// Calls each of them; what one throws is logged.
template <class Hook, class... Arguments>
void call_hooks(const char* name, const std::vector<Hook>& hooks, const Arguments&... arguments) {
  for (const Hook& hook : hooks) {
    try {
      hook(arguments...);
    } catch (...) {
      log_thrown(name);
    }
  }
}

}  // namespace coworker::worker
