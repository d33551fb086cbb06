#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <string>

#include "async/task.h"

namespace coworker::async {

/// Owns the lifetime of the coroutines that a component starts. Nothing in this project is spawned
/// detached: if it runs, some gate counts it, and closing that gate waits for it.
///
/// Thread safety: the loop's thread only. Must be empty when destroyed, unless its loop is not run any more.
class Gate {
 public:
  explicit Gate(asio::any_io_executor executor);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Starts `task` at the loop's next turn, unless the gate is closed; false then. An exception that
  /// escapes the task is written to standard error under `name` and ends that task only.
  bool spawn(std::string name, Task<> task);

  /// Refuses new tasks and returns once the last running one has ended. The owner must first make them
  /// end, by closing what they wait on. May be called more than once.
  Task<> close();

  std::size_t running() const noexcept { return running_; }
  bool closed() const noexcept { return closed_; }

 private:
  void leave() noexcept;

  asio::any_io_executor executor_;
  asio::steady_timer drained_;  // never expires; cancelled when running_ reaches 0
  std::size_t running_ = 0;
  bool closed_ = false;
};

}  // namespace coworker::async
