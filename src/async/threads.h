#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/time.h"

namespace coworker::async {

/// Threads for user code, made when needed: as many as there was work at the same time. Who submits bounds that.
///
/// Thread safety: any. The destructor waits for what runs.
class Threads {
 public:
  Threads() = default;
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  /// `work` must not throw.
  void run(std::function<void()> work);

  /// Whether nothing runs and waits any more, after `limit` at most. Blocks.
  bool wait_idle(Millis limit);

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable idled_;
  std::deque<std::function<void()>> queue_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace coworker::async
