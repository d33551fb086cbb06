#include "engine/waiters.h"

namespace coworker::engine {

bool Waiters::add(Ticket ticket, Waiter waiter, Queues& queues) {
  if (waiting_.contains(ticket)) return false;
  const std::uint64_t arrival = ++arrivals_;
  for (const QueueIndex queue : waiter.queues) {
    lines_[queue].emplace_back(ticket, arrival);
    ++queues[queue].blocked;
  }
  if (waiter.deadline != Time{}) deadlines_.emplace(waiter.deadline, ticket);
  if (waiter.until_commit != job::Key{}) commits_.emplace(waiter.until_commit, ticket);
  wanted_ += waiter.count;
  waiting_.emplace(ticket, Waiting{std::move(waiter), arrival});
  return true;
}

bool Waiters::remove(Ticket ticket, Queues& queues) {
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return false;
  const Waiter& waiter = found->second.waiter;
  deadlines_.erase({waiter.deadline, ticket});
  commits_.erase({waiter.until_commit, ticket});
  wanted_ -= waiter.count;
  const std::vector<QueueIndex> left = waiter.queues;
  waiting_.erase(found);
  for (const QueueIndex queue : left) {
    --queues[queue].blocked;
    auto& line = lines_[queue];
    // Sweep when the ghosts outnumber the living, so that a line stays as long as its waiters are many.
    if (line.size() > 16 && line.size() > 2 * queues[queue].blocked) {
      std::erase_if(line, [&](const auto& place) {
        const auto at = waiting_.find(place.first);
        return at == waiting_.end() || at->second.arrival != place.second;
      });
    }
    if (queues[queue].blocked == 0) lines_.erase(queue);
  }
  return true;
}

const Waiter* Waiters::find(Ticket ticket) const {
  const auto found = waiting_.find(ticket);
  return found == waiting_.end() ? nullptr : &found->second.waiter;
}

std::optional<Waiters::Ticket> Waiters::first(QueueIndex queue) {
  const auto line = lines_.find(queue);
  if (line == lines_.end()) return std::nullopt;
  while (!line->second.empty()) {
    const auto [ticket, arrival] = line->second.front();
    const auto found = waiting_.find(ticket);
    if (found != waiting_.end() && found->second.arrival == arrival) return ticket;
    line->second.pop_front();
  }
  return std::nullopt;
}

std::optional<Waiters::Ticket> Waiters::overdue(Time now) const {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return std::nullopt;
  return deadlines_.begin()->second;
}

std::optional<Waiters::Ticket> Waiters::committed(job::Key key) const {
  if (commits_.empty() || commits_.begin()->first > key) return std::nullopt;
  return commits_.begin()->second;
}

std::vector<Waiters::Ticket> Waiters::tickets() const {
  std::vector<Ticket> all;
  for (const auto& [ticket, waiting] : waiting_) all.push_back(ticket);
  return all;
}

}  // namespace coworker::engine
