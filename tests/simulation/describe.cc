#include "describe.h"

namespace coworker::simulation {
namespace {

std::string name(const job::JobRef& ref) {
  return job::to_string(ref.id).substr(11, 11) + " token " + std::to_string(static_cast<std::uint64_t>(ref.token));
}

struct Describe {
  std::string operator()(const job::Add& add) const {
    return "add to " + add.queue + " retry " + std::to_string(add.retry.count()) + " delay " +
           std::to_string(add.delay.count());
  }
  std::string operator()(const job::Claim& claim) const {
    return "claim from " + claim.queues.front() + " count " + std::to_string(claim.count) + " lease " +
           std::to_string(claim.lease.count());
  }
  std::string operator()(const job::Ack& ack) const { return "ack " + name(ack.jobs[0]); }
  std::string operator()(const job::Retry& retry) const { return "retry " + name(retry.items[0].job); }
  std::string operator()(const job::Release& release) const { return "release " + name(release.jobs[0]); }
  std::string operator()(const job::Disown& disown) const { return "disown " + std::to_string(disown.owner); }
  std::string operator()(const job::MoveDead& move) const {
    return (move.revive ? "revive " : "move ") + name({move.items[0].id, {}});
  }
  std::string operator()(const job::Purge& purge) const { return "purge " + purge.queue; }
  std::string operator()(const job::Bury& bury) const { return "bury " + name(bury.items[0].job); }
  std::string operator()(const job::Extend& extend) const { return "extend " + name(extend.jobs[0]); }
  std::string operator()(const job::SetQueue& set) const {
    return std::string{"set "} + set.queue + (set.pause_in.value_or(false) ? " paused" : " going");
  }
  std::string operator()(const auto&) const { return "something else"; }
};

}  // namespace

std::string describe(const job::Command& command) {
  return std::visit(Describe{}, command);
}

std::string describe(const job::Answer& answer) {
  std::string text;
  if (const auto* claimed = std::get_if<job::Claimed>(&answer)) {
    for (const auto& job : claimed->jobs)
      text += " [" + name(job::JobRef{job.id, job.token}) + " of " + job.queue + "]";
  }
  if (const auto* statuses = std::get_if<job::Statuses>(&answer)) {
    for (const auto status : statuses->each) text += " status " + std::to_string(static_cast<int>(status));
  }
  if (const auto* added = std::get_if<job::Added>(&answer)) text = job::to_string(added->id).substr(11, 11);
  return text;
}

}  // namespace coworker::simulation
