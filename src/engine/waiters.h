#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/queues.h"
#include "job/command.h"

namespace coworker::engine {

/// A claim that found nothing and waits.
struct Waiter {
  job::Claim claim{};
  std::vector<QueueIndex> queues{};
  Time deadline{};          // 0: none
  std::uint32_t count = 1;  // how many jobs it takes at most
  job::Key until_commit{};  // not 0: answered, with or without jobs, once that job is committed
};

/// The claims that wait, first come first served in each queue.
class Waiters {
 public:
  using Ticket = std::uint64_t;

  /// False when the ticket waits already.
  bool add(Ticket ticket, Waiter waiter, Queues& queues);
  bool remove(Ticket ticket, Queues& queues);
  const Waiter* find(Ticket ticket) const;

  /// The longest waiting claim of the queue.
  std::optional<Ticket> first(QueueIndex queue);

  /// Any claim whose deadline has come, or whose commit is there.
  std::optional<Ticket> overdue(Time now) const;
  std::optional<Ticket> committed(job::Key key) const;
  Time next_deadline() const { return deadlines_.empty() ? Time{} : deadlines_.begin()->first; }

  bool empty() const { return waiting_.empty(); }
  /// How many jobs they would take at most.
  std::uint64_t wanted() const { return wanted_; }
  std::vector<Ticket> tickets() const;

 private:
  struct Waiting {
    Waiter waiter;
    std::uint64_t arrival = 0;
  };

  std::unordered_map<Ticket, Waiting> waiting_;
  // Tickets that were served or cancelled stay in these lines until they come to the front.
  std::unordered_map<QueueIndex, std::deque<std::pair<Ticket, std::uint64_t>>> lines_;
  std::set<std::pair<Time, Ticket>> deadlines_;
  std::set<std::pair<job::Key, Ticket>> commits_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t wanted_ = 0;
};

}  // namespace coworker::engine
