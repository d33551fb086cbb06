#include "service/decision.h"

#include <fmt/format.h>

#include "job/backoff.h"

namespace coworker::service {
namespace {

using Action = Decision::Action;
using Kind = worker::Outcome::Kind;

constexpr std::size_t kLongestReason = 1000;  // bytes; stores keep 1 KiB

Decision bury(bool crashed, std::string reason) {
  reason.resize(std::min(reason.size(), kLongestReason));
  return Decision{Action::bury, Millis{0}, crashed, std::move(reason)};
}

}  // namespace

Attempt attempt_of(const job::Delivery& delivery, std::uint32_t queue, const job::Stamp& stamp, std::int64_t now) {
  Attempt attempt;
  attempt.job = job::JobRef{delivery.id, delivery.token};
  attempt.queue = queue;
  attempt.retries = stamp.retries + delivery.attempts + delivery.nacks + delivery.additional_deliveries;
  attempt.crashes = delivery.crashes;
  attempt.at_most_once = delivery.retry.count() == 0;
  if (stamp.creation_time && stamp.job_lifetime) {
    const std::int64_t expires = *stamp.creation_time + *stamp.job_lifetime;
    attempt.expires = expires > now ? expires : now + *stamp.job_lifetime;
  }
  return attempt;
}

Decision decide(Kind kind, const std::string& reason, const Attempt& attempt, const QueueConfig& queue,
                std::int64_t now, double roll) {
  if (kind == Kind::ok) return Decision{};
  if (kind == Kind::stopped) {
    if (attempt.at_most_once) return bury(false, "stopped while it ran, and it runs at most once: " + reason);
    return Decision{Action::release, Millis{0}, false, reason};
  }
  const bool crashed = kind == Kind::crashed;
  if (attempt.at_most_once) return bury(crashed, "it runs at most once: " + reason);
  if (crashed && queue.max_crashes > 0 && attempt.crashes + 1 >= queue.max_crashes) {
    return bury(true, fmt::format("its worker died {} times: {}", attempt.crashes + 1, reason));
  }
  if (attempt.retries >= queue.max_retries) {
    return bury(crashed, fmt::format("failed after {} retries: {}", attempt.retries, reason));
  }
  const Seconds delay =
      queue.failure_strategy == FailureStrategy::retry_immediately ? Seconds{0} : job::backoff(attempt.retries, roll);
  if (attempt.expires > 0 && attempt.expires - now <= delay.count()) {
    return bury(crashed, "its lifetime ends before the next attempt: " + reason);
  }
  Decision decision{Action::retry, delay, crashed, reason};
  decision.reason.resize(std::min(decision.reason.size(), kLongestReason));
  return decision;
}

}  // namespace coworker::service
