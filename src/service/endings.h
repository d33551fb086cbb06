#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <random>

#include "service/answers.h"
#include "service/blame.h"
#include "service/event_log.h"
#include "service/remains.h"
#include "service/suspects.h"
#include "store/store.h"

namespace coworker::service {

/// Answers for the jobs of consumers that have died: who is to blame (blame.h), and the store is told.
///
/// Owned by the supervisor, on its loop; `close` before the store closes.
class Endings {
 public:
  /// `on_told`: an answer has arrived, see `open`.
  Endings(async::Loop& loop, store::Store& store, Suspects& suspects, EventLog& log, std::function<void()> on_told);

  /// Nothing of it runs any more.
  void settle(Remains::Ending ending);

  /// Answers that the store has not heard yet.
  std::size_t open() const { return answers_.open() + disowning_; }
  void close() { answers_.close(); }

 private:
  Event tell(const Verdict& verdict, const Config& config, const std::optional<proc::Certificate>& certificate);

  bool is_inherited(const Remains::Ending& ending, const Verdict& verdict) const;
  void disown(const Remains::Ending& ending);

  store::Store& store_;
  Suspects& suspects_;
  EventLog& log_;
  std::function<void()> on_told_;
  Answers answers_;
  std::size_t disowning_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace coworker::service
