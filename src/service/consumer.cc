#include "service/consumer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "job/json_text.h"
#include "service/fault_mark.h"
#include "service/make_worker.h"

namespace coworker::service {
namespace {

constexpr Millis kLongestClaimPause{2'000};

}  // namespace

Consumer::Consumer(async::Loop& loop, store::Store& store, Parts parts, Events events)
    : loop_{loop},
      store_{store},
      parts_{parts},
      group_{parts.config->consumers.front()},
      events_{std::move(events)},
      answers_{loop, store},
      ticket_{std::random_device{}() | std::uint64_t{std::random_device{}()} << 32},
      claim_timer_{loop},
      lease_timer_{loop},
      cancel_timer_{loop},
      stop_timer_{loop} {}

Consumer::~Consumer() = default;

Result<> Consumer::start() {
  if (Result<> made = make_workers(); !made) return made;
  parts_.log->on_quiet([this, alive = std::weak_ptr<bool>{alive_}] {
    if (!alive.expired()) check_stopped();
  });
  renewal_pause_ = parts_.config->lease / kRenewalsPerLease;
  arm_leases();
  arm_cancels();
  claim();
  return {};
}

Result<> Consumer::make_workers() {
  const std::vector<QueueConfig>& queues = parts_.config->queues;
  workers_.resize(queues.size());
  for (const std::string& name : group_.queues) {
    const auto found =
        std::find_if(queues.begin(), queues.end(), [&](const auto& queue) { return queue.name == name; });
    if (found == queues.end()) return fail(Errc::invalid_argument, "consume '" + name + "': it is not configured");
    const auto index = static_cast<std::uint32_t>(found - queues.begin());
    queues_[name] = index;
    const WorkerParts made_with{loop_, threads_, *parts_.registry, parts_.config->kill_grace, parts_.keeper};
    Result<std::unique_ptr<worker::Worker>> made = make_worker(*found, made_with);
    // Its jobs go to the failure queue, with the reason, rather than nowhere.
    if (!made) {
      log::error(made.error().message());
      continue;
    }
    if (found->worker.kind == WorkerKind::pipe) {
      pools_[index] = std::size_t{found->worker.pool.count} + group_.prefetch;
    }
    const worker::Hooks& hooks = parts_.registry->hooks();
    workers_[index] = hooks.any() ? std::make_unique<worker::HookedWorker>(loop_, threads_, hooks, std::move(*made))
                                  : std::move(*made);
  }
  return {};
}

std::size_t Consumer::room() const {
  const std::size_t most = std::size_t{group_.job_batch} + group_.prefetch;
  if (running_.size() >= most) return 0;
  return std::min(most - running_.size(), parts_.page->free_slots());
}

/// What can be started of each queue, and prefetched: a job that waits here for a full pool could run elsewhere.
job::Claim Consumer::next_claim() const {
  job::Claim claim;
  std::size_t count = room();
  if (pools_.empty()) {
    claim.queues = group_.queues;
  } else {
    for (const std::string& name : group_.queues) {
      const std::uint32_t queue = queues_.at(name);
      const auto pool = pools_.find(queue);
      if (pool != pools_.end()) {
        const auto held = static_cast<std::size_t>(std::count_if(
            running_.begin(), running_.end(), [&](const auto& each) { return each.second.attempt.queue == queue; }));
        if (held >= pool->second) continue;
        count = std::min(count, pool->second - held);
      }
      claim.queues.push_back(name);
    }
  }
  claim.count = claim.queues.empty() ? 0 : static_cast<std::uint32_t>(count);
  return claim;
}

void Consumer::claim() {
  if (stopping_ || claim_pause_ > Millis{0} || (claiming_ && (pools_.empty() || widening_))) return;
  if (!claiming_ && room() == 0) return;
  job::Claim claim = next_claim();
  if (claiming_) {
    if (claim.count == 0 || claim.queues.size() <= claimed_queues_) return;
    // It waits for fewer queues than have room by now.
    widening_ = true;
    store_.apply(job::CancelClaim{ticket_}, [](const Result<job::Answer>&) {});
    return;
  }
  if (claim.count == 0) return;
  claiming_ = true;
  claimed_queues_ = claim.queues.size();
  // The first one does not wait: its answer says that jobs can be had.
  claim.blocking = fetched_;
  claim.fill = true;
  claim.lease = parts_.config->lease;
  claim.ticket = ++ticket_;
  if (store_.capabilities().owners) claim.owner = parts_.page->owner();
  store_.apply(std::move(claim), [this, alive = std::weak_ptr<bool>{alive_}](Result<job::Answer> answer) {
    if (!alive.expired()) claimed(std::move(answer));
  });
}

void Consumer::claimed(Result<job::Answer> answer) {
  claiming_ = false;
  widening_ = false;
  fetched_ = answer.has_value();
  parts_.page->set_ready(fetched_ && !stopping_);
  if (!answer) {
    if (stopping_) return check_stopped();
    claim_pause_ = std::min(std::max(claim_pause_ * 2, Millis{100}), kLongestClaimPause);
    log::warning(fmt::format("claim jobs: {}", answer.error().message()));
    claim_timer_.expires_after(claim_pause_);
    claim_timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      claim_pause_ = Millis{0};
      claim();
    });
    return;
  }
  if (auto* jobs = std::get_if<job::Claimed>(&*answer)) {
    for (job::Delivery& delivery : jobs->jobs) receive(std::move(delivery));
  }
  start_waiting();
  claim();
  check_stopped();
}

void Consumer::receive(job::Delivery delivery) {
  const auto queue = queues_.find(delivery.queue);
  Result<job::Envelope> envelope = job::parse_envelope(delivery.body);
  const job::Stamp stamp = envelope ? job::read_stamp(envelope->metadata) : job::Stamp{};
  const Attempt attempt = attempt_of(delivery, queue == queues_.end() ? 0 : queue->second, stamp, wall_millis() / 1000);
  if (stopping_)
    return answer(attempt, parts_.page->take(attempt), {Decision::Action::release, Millis{0}, false, {}}, {});
  auto original = std::make_shared<Original>();
  original->envelope = envelope ? *envelope : job::Envelope{job::json_string(delivery.body), "{}", true};
  original->retry = delivery.retry;
  original->id = stamp.original_id.value_or(std::string{});
  if (!envelope) return refuse(attempt, "cannot be decoded: " + envelope.error().message(), std::move(original));
  if (queue == queues_.end() || workers_[queue->second] == nullptr) {
    return refuse(attempt, "there is no worker for queue '" + delivery.queue + "'", std::move(original));
  }
  const QueueConfig& config = parts_.config->queues[queue->second];
  Running running;
  running.attempt = attempt;
  running.slot = parts_.page->take(attempt);
  running.is_inline = config.worker.kind == WorkerKind::inline_worker;
  running.suspect = running.is_inline && parts_.suspects != nullptr &&
                    parts_.suspects->contains(static_cast<std::uint64_t>(attempt.job.id.key));
  running.job.id = original->id.empty() ? job::to_string(delivery.id) : original->id;
  running.job.queue = delivery.queue;
  running.job.body = std::move(envelope->body);
  running.job.metadata = std::move(envelope->metadata);
  running.job.attempt = attempt.retries + 1;
  running.job.process_timeout = config.job_process_timeout;
  running.original = std::move(original);
  if (!store_.capabilities().fencing && !attempt.at_most_once) renew_within(Millis{running.original->retry});
  running.lease_end = lease_from(Clock::now(), running);  // it began when the store sent it, not long ago
  const Id id = next_id_++;
  running_.emplace(id, std::move(running));
  waiting_.push_back(id);
}

void Consumer::refuse(const Attempt& attempt, const std::string& reason, std::shared_ptr<const Original> original) {
  Event event = event_of(attempt, *original, EventKind::buried);
  event.reason = reason;
  parts_.log->tell(std::move(event));
  Decision decision{Decision::Action::bury, Millis{0}, false, reason};
  answer(attempt, parts_.page->take(attempt), std::move(decision), std::move(original));
}

}  // namespace coworker::service
