#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "async/loop.h"
#include "job/envelope.h"
#include "service/config.h"
#include "service/decision.h"
#include "store/store.h"

namespace coworker::service {

/// A job's own text, for stores that cannot retry with a delay or bury: there it is added again (with its original id
/// and count in the metadata) before the old one is acknowledged, so that it is never lost and may in a crash exist
/// twice.
struct Original {
  job::Envelope envelope;
  Seconds retry{0};
  std::string id{};  // of its first incarnation; empty: this is the first
};

/// Tells a store what became of jobs, again and again until it has heard.
///
/// Thread safety: the loop's thread. `close` before the store closes; must outlive its last `done`.
class Answers {
 public:
  /// Called once: the store has heard, or refused for good (the lease was lost; it is logged), or `close` was called.
  using Done = std::function<void()>;

  Answers(async::Loop& loop, store::Store& store);
  ~Answers();

  /// `queue` is the attempt's, and must live until `done`. `original` may be missing: a store that needs it gets the
  /// job back without a delay then.
  void tell(const Attempt& attempt, const QueueConfig& queue, Decision decision,
            std::shared_ptr<const Original> original, Done done);

  /// Not told any more; their `done`s are called.
  void close();

  std::size_t open() const;

 private:
  struct Answer;
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace coworker::service
