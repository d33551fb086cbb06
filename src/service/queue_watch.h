#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "service/config.h"
#include "store/store.h"

namespace coworker::service {

/// What the store says of queues, asked for again at each look: how much waits, and how much came since.
///
/// Lives on the supervisor's loop. Answers that are late are those of the next look.
class QueueWatch {
 public:
  struct Seen {
    std::uint64_t waiting = 0;  // that could run: not what a pause or a limit holds back
    std::uint64_t arrived = 0;  // since this was asked last
  };

  explicit QueueWatch(store::Store& store) : store_{store}, shared_{std::make_shared<Shared>()} {}

  /// Asks for these queues, unless the last answers are still on their way.
  void ask(const std::vector<std::string>& queues);

  /// Of several queues together; what arrived is counted once for each group that asks.
  Seen take(const ConsumerConfig& group);

 private:
  struct Row {
    bool known = false;
    std::uint64_t waiting = 0;
    std::uint64_t jobs_in = 0;
  };
  struct Shared {
    std::size_t open = 0;
    std::map<std::string, Row> rows;
  };

  store::Store& store_;
  std::shared_ptr<Shared> shared_;
  std::map<std::vector<std::string>, std::map<std::string, std::uint64_t>> taken_;  // jobs_in, by the group's queues
};

}  // namespace coworker::service
