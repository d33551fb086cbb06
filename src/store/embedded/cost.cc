#include "store/embedded/cost.h"

#include <algorithm>
#include <set>

#include "job/validate.h"

namespace coworker::store {
namespace {

struct CostOf {
  const engine::State& state;

  Cost operator()(const job::Add& add) const {
    return {4 * kFactBytes + add.body.size() + 2 * add.queue.size() + add.group.size() + add.unique_key.size() +
                add.idempotency_key.size() + add.register_name.size(),
            0};
  }
  Cost operator()(const job::Claim& claim) const {
    const std::uint64_t most = std::min<std::uint64_t>(claim.count, engine::kMostClaimed);
    return {std::min(most, state.jobs()) * kFactBytes, 0};
  }
  Cost operator()(const job::Ack& ack) const { return per_job(ack.jobs.size(), 0); }
  Cost operator()(const job::Retry& retry) const { return per_job(retry.items.size(), engine::kMostReason); }
  Cost operator()(const job::Release& release) const { return per_job(release.jobs.size(), 0); }
  Cost operator()(const job::Bury& bury) const {
    Cost cost = per_job(bury.items.size(), 0);
    std::set<job::Key> seen;
    for (const job::Bury::Item& item : bury.items) {
      cost.bytes += std::min(item.reason.size(), engine::kMostReason);
      // A job that is named again is buried from the queue that the first burial put it into.
      const bool again = !seen.insert(item.job.id.key).second;
      cost.bytes += again ? 2 * std::max(state.longest_name(), bury.failure_queue.size())
                          : state.names_of_burial(item.job.id, bury.failure_queue);
    }
    return cost;
  }
  Cost operator()(const job::Disown& disown) const { return per_job(state.most_held_by(disown.owner), 0); }
  Cost operator()(const job::MoveDead& move) const {
    return per_job(move.items.size(), engine::kMostReason + 2 * std::max(state.longest_name(), move.queue.size()));
  }
  Cost operator()(const job::ForgetRegisters& forget) const {
    const auto [bytes, count] = state.forgettable(forget);
    return {bytes + count * kFactBytes, 0};
  }
  Cost operator()(const job::Extend& extend) const { return per_job(extend.jobs.size(), 0); }
  Cost operator()(const job::Enqueue& enqueue) const { return per_job(enqueue.jobs.size(), 0); }
  Cost operator()(const job::Dequeue& dequeue) const { return per_job(dequeue.jobs.size(), 0); }
  Cost operator()(const job::Remove& remove) const { return per_job(remove.jobs.size(), 0); }
  Cost operator()(const job::Working&) const { return per_job(1, 0); }
  Cost operator()(const job::SetQueue& set) const {
    return {kFactBytes + set.queue.size() + job::kMostName, state.jobs()};
  }
  Cost operator()(const job::Purge&) const { return per_job(engine::kPurgeSlice, 0); }
  Cost operator()(const auto&) const { return {}; }

  static Cost per_job(std::size_t jobs, std::size_t texts) { return {jobs * (kFactBytes + texts), jobs}; }
};

}  // namespace

Cost cost_of(const job::Command& command, const engine::State& state) {
  return std::visit(CostOf{state}, command);
}

bool adds_to_the_store(const job::Command& command) {
  return std::holds_alternative<job::Add>(command) || std::holds_alternative<job::SetQueue>(command);
}

bool acknowledges(const job::Command& command) {
  return std::holds_alternative<job::Ack>(command) || std::holds_alternative<job::Retry>(command) ||
         std::holds_alternative<job::Release>(command) || std::holds_alternative<job::Bury>(command) ||
         std::holds_alternative<job::Enqueue>(command) || std::holds_alternative<job::Remove>(command) ||
         std::holds_alternative<job::Disown>(command) || std::holds_alternative<job::MoveDead>(command);
}

}  // namespace coworker::store
