#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coworker/producer.h"
#include "coworker/worker.h"

namespace coworker {

/// An attempt that failed, or whose worker died.
struct FailedAttempt {
  const Job& job;
  std::string reason;
  bool crashed = false;      // the worker died
  unsigned retries = 0;      // before this attempt
  unsigned crashes = 0;      // so far
  unsigned max_retries = 0;  // of the queue
};

/// Functions of your own around the jobs of a program's consumers, see App::hooks. Each may be given several times, and
/// is called from several threads at the same time. What it throws is logged and does no harm. When a consumer dies,
/// another one tells on_failure, on_bury and strategies of the jobs that ran in it.
class Hooks {
 public:
  /// The job waits until it has returned; a program that dies in it died of that job.
  Hooks& before_process(std::function<void(const Job&)> hook) {
    before_process_.push_back(std::move(hook));
    return *this;
  }
  Hooks& after_process(std::function<void(const Job&, const Outcome&)> hook) {
    after_process_.push_back(std::move(hook));
    return *this;
  }
  Hooks& on_failure(std::function<void(const FailedAttempt&)> hook) {
    on_failure_.push_back(std::move(hook));
    return *this;
  }
  /// The job goes to its failure queue.
  Hooks& on_bury(std::function<void(const Job&, const std::string& reason)> hook) {
    on_bury_.push_back(std::move(hook));
    return *this;
  }
  /// A failure strategy for `failure_strategy: NAME`: how long to wait before the next attempt, or nullopt for none.
  /// The limits of the queue (retries, crashes, lifetime) hold before it is asked; when it throws, `retry` is followed.
  Hooks& failure_strategy(std::string name,
                          std::function<std::optional<std::chrono::milliseconds>(const FailedAttempt&)> strategy) {
    strategies_.emplace_back(std::move(name), std::move(strategy));
    return *this;
  }

  /// Before and after each add of `add` and `schedule`, in their process. The first may change how the job is treated,
  /// as ProducerOptions::before_add may; `run` calls neither for its crontab, since its supervisor runs no code of
  /// yours.
  Hooks& before_add(std::function<void(std::string_view queue, std::string_view body, AddOptions& options)> hook) {
    before_add_.push_back(std::move(hook));
    return *this;
  }
  Hooks& after_add(std::function<void(std::string_view queue, std::string_view body, const Added& added)> hook) {
    after_add_.push_back(std::move(hook));
    return *this;
  }

 private:
  friend class App;
  std::vector<std::function<void(std::string_view, std::string_view, AddOptions&)>> before_add_;
  std::vector<std::function<void(std::string_view, std::string_view, const Added&)>> after_add_;
  std::vector<std::function<void(const Job&)>> before_process_;
  std::vector<std::function<void(const Job&, const Outcome&)>> after_process_;
  std::vector<std::function<void(const FailedAttempt&)>> on_failure_;
  std::vector<std::function<void(const Job&, const std::string&)>> on_bury_;
  std::vector<std::pair<std::string, std::function<std::optional<std::chrono::milliseconds>(const FailedAttempt&)>>>
      strategies_;
};

}  // namespace coworker
