#include "base/log.h"
#include "service/consumer.h"

/// The part of Consumer that answers for what a dead one left, because hooks and strategies of the program are to be
/// asked.
namespace coworker::service {
namespace {

using Kind = worker::Outcome::Kind;

}  // namespace

void Consumer::inherit(Inherited inherited) {
  const job::JobRef job = inherited.attempt.job;
  auto kept = std::make_shared<Inherited>(std::move(inherited));
  ++inheriting_;
  store_.apply(job::Held{{job}}, [this, alive = std::weak_ptr<bool>{alive_}, kept](const Result<job::Answer>& answer) {
    if (alive.expired()) return;
    const auto* held = answer ? std::get_if<job::Statuses>(&*answer) : nullptr;
    // Its lease has ended meanwhile: others have it.
    if (held == nullptr || held->done() != 1) return inherited_done();
    store_.apply(job::Show{kept->attempt.job.id}, [this, alive, kept](const Result<job::Answer>& shown) {
      if (alive.expired()) return;
      const auto* view = shown ? std::get_if<job::View>(&*shown) : nullptr;
      if (view != nullptr) answer_for(std::move(*kept), *view);
      inherited_done();
    });
  });
}

void Consumer::inherited_done() {
  --inheriting_;
  check_stopped();
}

void Consumer::answer_for(Inherited inherited, const job::View& view) {
  const Attempt& attempt = inherited.attempt;
  Result<job::Envelope> envelope = job::parse_envelope(view.body);
  // Without a place on the page nobody would answer for it if this consumer died, too.
  if (!envelope || attempt.queue >= workers_.size() || parts_.page->free_slots() == 0) {
    return answer(attempt, StartPage::kNone, std::move(inherited.decision), {});
  }
  auto original = std::make_shared<Original>();
  original->envelope = *envelope;
  original->retry = view.retry;
  original->id = job::read_stamp(envelope->metadata).original_id.value_or(std::string{});
  Running running;
  running.attempt = attempt;
  running.slot = parts_.page->take(attempt);
  running.inherited = true;
  running.job.id = original->id.empty() ? job::to_string(view.id) : original->id;
  running.job.queue = view.queue;
  running.job.body = std::move(envelope->body);
  running.job.metadata = std::move(envelope->metadata);
  running.job.attempt = attempt.retries + 1;
  running.original = std::move(original);
  running.lease_end = lease_from(Clock::now(), running);
  running.kept = std::make_shared<const worker::Job>(running.job);
  parts_.page->slot(running.slot).state.store(Hold::failed, std::memory_order_release);
  worker::Outcome outcome = worker::Outcome::failed(inherited.reason);
  if (inherited.crashed) outcome.kind = Kind::crashed;
  const QueueConfig& queue = parts_.config->queues[attempt.queue];
  const bool asks =
      queue.failure_strategy == FailureStrategy::own && inherited.decision.action == Decision::Action::retry;
  if (!asks) return finish(std::move(running), outcome, std::move(inherited.decision));
  ask_strategy(std::move(running), std::move(outcome), std::move(inherited.decision));
}

}  // namespace coworker::service
