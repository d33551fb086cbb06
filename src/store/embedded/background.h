#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "async/loop.h"

namespace coworker::store {

/// A thread that does what may wait for a disk, one thing after another; what follows it runs on the
/// loop. Destroying it first does what was submitted; its continuations then no longer run.
class Background {
 public:
  explicit Background(async::Loop& loop);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// `work` runs on the thread, then `then` on the loop. Loop thread only.
  void submit(std::function<void()> work, std::function<void()> then);

 private:
  struct Item {
    std::function<void()> work;
    std::function<void()> then;
  };

  void run();

  async::Loop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // loop thread only
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> items_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace coworker::store
