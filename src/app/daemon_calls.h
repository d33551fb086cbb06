#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "api/backend.h"
#include "async/gate.h"
#include "async/loop.h"

namespace coworker::app {

/// How threads of a program ask the supervisor that runs in it, and wait.
///
/// Owned by the program. While `opened`, the loop and the backend are there.
class DaemonCalls {
 public:
  using Answer = Result<boost::json::value>;
  using Ask = std::function<async::Task<Answer>(api::Backend& backend)>;

  /// On the loop's thread; `close` must be awaited before the loop ends. Whoever waits is told that the daemon stops.
  void open(async::Loop& loop, api::Backend& backend);
  async::Task<> close();

  /// Any thread but the loop's. unavailable: the daemon does not run.
  Answer run(Ask ask);

 private:
  struct Call;

  static async::Task<> carry_out(std::shared_ptr<Call> call, api::Backend* backend);

  std::mutex mutex_;
  async::Loop* loop_ = nullptr;
  api::Backend* backend_ = nullptr;
  std::unique_ptr<async::Gate> gate_;
  std::set<std::shared_ptr<Call>> calls_;
};

}  // namespace coworker::app
