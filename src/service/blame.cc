#include "service/blame.h"

#include <algorithm>

namespace coworker::service {
namespace {

using Kind = worker::Outcome::Kind;

bool has(const HeldJob& job, std::uint32_t flag) {
  return (job.flags & flag) != 0;
}

bool runs_inline(const HeldJob& job) {
  return job.state == Hold::started && has(job, PageSlot::kInline);
}

/// Counted as an attempt, but it was not the job's fault, so it does not wait.
Decision again(const HeldJob& job, const QueueConfig& queue, const Death& death, const std::string& why) {
  Decision decision = decide(Kind::failed, why + death.text, job.attempt, queue, death.now, death.roll);
  if (decision.action == Decision::Action::retry) decision.delay = Millis{0};
  return decision;
}

Verdict judge_one(const HeldJob& job, const QueueConfig& queue, const Death& death, bool known, bool alone) {
  const auto as = [&](Kind kind, const std::string& reason) {
    return decide(kind, reason, job.attempt, queue, death.now, death.roll);
  };
  Verdict verdict{job.attempt, Decision{}, false};
  switch (job.state) {
    case Hold::free:
    case Hold::done:
      return verdict;
    case Hold::claimed:
      verdict.decision = Decision{Decision::Action::release, Millis{0}, false, {}};
      return verdict;
    case Hold::failed:
      verdict.decision = as(Kind::failed, "failed just before its consumer ended");
      return verdict;
    case Hold::started:
      verdict.ran = true;
      break;
  }
  if (has(job, PageSlot::kOverdue)) {
    verdict.decision = as(Kind::failed, "process timeout exceeded, and it did not return");
  } else if (death.ours) {
    verdict.decision = as(Kind::stopped, "its consumer was stopped");
  } else if (!has(job, PageSlot::kInline)) {
    verdict.decision = again(job, queue, death, "killed with its consumer: ");
  } else if (has(job, PageSlot::kFaulted) || (!known && alone)) {
    verdict.decision = as(Kind::crashed, death.text);
  } else if (known) {
    verdict.decision = again(job, queue, death, "another job ended its consumer: ");
  } else {
    verdict.decision = again(job, queue, death, "it or another job ended its consumer: ");
    verdict.suspect = true;
  }
  return verdict;
}

}  // namespace

std::vector<Verdict> judge(const std::vector<HeldJob>& held, const Config& config, const Death& death) {
  const bool known = std::any_of(held.begin(), held.end(), [](const HeldJob& job) {
    return runs_inline(job) && (has(job, PageSlot::kFaulted) || has(job, PageSlot::kOverdue));
  });
  const bool alone = std::count_if(held.begin(), held.end(), runs_inline) == 1;
  std::vector<Verdict> verdicts;
  for (const HeldJob& job : held) {
    if (has(job, PageSlot::kLost) || job.attempt.queue >= config.queues.size()) continue;
    verdicts.push_back(judge_one(job, config.queues[job.attempt.queue], death, known, alone));
  }
  return verdicts;
}

}  // namespace coworker::service
