#include "service/endings.h"

#include <fmt/format.h>

#include "base/log.h"
#include "service/blame.h"

namespace coworker::service {

Endings::Endings(async::Loop& loop, store::Store& store, Suspects& suspects, std::function<void()> on_told)
    : suspects_{suspects}, on_told_{std::move(on_told)}, answers_{loop, store} {}

void Endings::settle(Remains::Ending ending) {
  const std::shared_ptr<const Config> config = ending.config;
  Death death;
  death.text = std::move(ending.text);
  death.ours = ending.ours;
  death.now = wall_millis() / 1000;
  death.roll = std::uniform_real_distribution<double>{0.0, 1.0}(random_);
  for (Verdict& verdict : judge(ending.held, *config, death)) {
    const std::string id = job::to_string(verdict.job.id);
    if (verdict.suspect) suspects_.add(static_cast<std::uint64_t>(verdict.job.id.key));
    if (!verdict.decision.reason.empty()) log::warning(fmt::format("job {}: {}", id, verdict.decision.reason));
    Attempt attempt;
    attempt.job = verdict.job;
    attempt.queue = verdict.queue;
    answers_.tell(attempt, config->queues[verdict.queue], std::move(verdict.decision), nullptr,
                  [this, config] { on_told_(); });
  }
}

}  // namespace coworker::service
