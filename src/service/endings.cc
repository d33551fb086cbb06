#include "service/endings.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/log.h"

namespace coworker::service {

Endings::Endings(async::Loop& loop, store::Store& store, Suspects& suspects, EventLog& log,
                 std::function<void()> on_told)
    : store_{store}, suspects_{suspects}, log_{log}, on_told_{std::move(on_told)}, answers_{loop, store} {}

void Endings::settle(Remains::Ending ending) {
  const std::shared_ptr<const Config> config = ending.config;
  disown(ending);
  Death death;
  death.text = std::move(ending.text);
  death.ours = ending.ours;
  death.now = wall_millis() / 1000;
  death.roll = std::uniform_real_distribution<double>{0.0, 1.0}(random_);
  for (Verdict& verdict : judge(ending.held, *config, death)) {
    if (verdict.suspect) suspects_.add(static_cast<std::uint64_t>(verdict.attempt.job.id.key));
    Event told = tell(verdict, *config, ending.certificate);
    if (is_inherited(ending, verdict)) continue;
    if (verdict.decision.action == Decision::Action::bury && !verdict.decision.reason.empty()) {
      told.kind = EventKind::buried;
      told.certificate.reset();
      log_.tell(std::move(told));
    }
    answers_.tell(verdict.attempt, config->queues[verdict.attempt.queue], std::move(verdict.decision), nullptr,
                  [this, config] { on_told_(); });
  }
}

/// Whether a living consumer answers for it, after it has asked the program's hooks. It finds the job by its token.
bool Endings::is_inherited(const Remains::Ending& ending, const Verdict& verdict) const {
  const Decision& decision = verdict.decision;
  const bool failed = decision.action == Decision::Action::retry || decision.action == Decision::Action::bury;
  // What had failed already may have been asked about, and may even be what the consumer died of.
  if (!failed || !verdict.ran || !ending.heirs || !store_.capabilities().fencing) return false;
  return ending.heirs->give({verdict.attempt, decision.crashed, decision.reason, decision});
}

/// What the store had handed out and the consumer had not written down yet. Of what is on its page each job has an
/// answer of its own.
void Endings::disown(const Remains::Ending& ending) {
  if (!store_.capabilities().owners) return;
  job::Disown disown;
  disown.owner = ending.owner;
  for (const HeldJob& job : ending.held) disown.spared.push_back(job.attempt.job);
  ++disowning_;
  store_.apply(std::move(disown), [this, alive = std::weak_ptr<bool>{alive_}](const Result<job::Answer>& answer) {
    if (alive.expired()) return;
    --disowning_;
    const auto* count = answer ? std::get_if<job::Count>(&*answer) : nullptr;
    if (count == nullptr) {
      log::warning(
          fmt::format("give back what was on its way to a dead consumer: {}; it comes at the end "
                      "of its lease",
                      answer ? "an answer of another kind" : answer.error().message()));
    } else if (count->count > 0) {
      log::info(fmt::format("{} jobs on their way to a dead consumer were given back", count->count));
    }
    on_told_();
  });
}

/// Only what had been started has anything to tell.
Event Endings::tell(const Verdict& verdict, const Config& config, const std::optional<proc::Certificate>& certificate) {
  const Decision& decision = verdict.decision;
  if (decision.reason.empty()) return {};
  const QueueConfig& queue = config.queues[verdict.attempt.queue];
  Event event;
  event.job = verdict.attempt.job.id;
  event.queue = queue.name;
  event.attempt = verdict.attempt.retries + 1;
  event.worker = to_string(queue.worker.kind);
  event.reason = decision.reason;
  event.certificate = certificate;
  event.kind = decision.action == Decision::Action::release ? EventKind::released
               : decision.crashed                           ? EventKind::crashed
                                                            : EventKind::failed;
  if (decision.action == Decision::Action::retry) event.retry_in = decision.delay;
  log_.tell(event);
  return event;
}

}  // namespace coworker::service
