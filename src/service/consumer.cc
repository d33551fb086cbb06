#include "service/consumer.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "base/log.h"
#include "job/json_text.h"
#include "service/fault_mark.h"
#include "service/make_worker.h"

namespace coworker::service {
namespace {

constexpr Millis kLongestClaimPause{2'000};

std::int64_t unix_seconds() {
  return wall_millis() / 1000;
}

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
      stop_timer_{loop} {}

Consumer::~Consumer() = default;

Result<> Consumer::start() {
  if (Result<> made = make_workers(); !made) return made;
  arm_leases();
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
    workers_[index] = std::move(*made);
  }
  return {};
}

std::size_t Consumer::room() const {
  const std::size_t most = std::size_t{group_.job_batch} + group_.prefetch;
  if (running_.size() >= most) return 0;
  return std::min(most - running_.size(), parts_.page->free_slots());
}

void Consumer::claim() {
  if (claiming_ || stopping_ || claim_pause_ > Millis{0}) return;
  const std::size_t count = room();
  if (count == 0) return;
  claiming_ = true;
  job::Claim claim;
  claim.queues = group_.queues;
  claim.count = static_cast<std::uint32_t>(count);
  // The first one does not wait: its answer says that jobs can be had.
  claim.blocking = fetched_;
  claim.fill = true;
  claim.lease = parts_.config->lease;
  claim.ticket = ++ticket_;
  store_.apply(std::move(claim), [this, alive = std::weak_ptr<bool>{alive_}](Result<job::Answer> answer) {
    if (!alive.expired()) claimed(std::move(answer));
  });
}

void Consumer::claimed(Result<job::Answer> answer) {
  claiming_ = false;
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
  const Attempt attempt = attempt_of(delivery, queue == queues_.end() ? 0 : queue->second, stamp);
  if (stopping_)
    return answer(attempt, parts_.page->take(attempt), {Decision::Action::release, Millis{0}, false, {}}, {});
  auto original = std::make_shared<Original>();
  original->envelope = envelope ? *envelope : job::Envelope{job::json_string(delivery.body), "{}", true};
  original->retry = delivery.retry;
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
  running.job.id = stamp.original_id.value_or(job::to_string(delivery.id));
  running.job.queue = delivery.queue;
  running.job.body = std::move(envelope->body);
  running.job.metadata = std::move(envelope->metadata);
  running.job.attempt = attempt.retries + 1;
  running.job.process_timeout = config.job_process_timeout;
  running.original = std::move(original);
  running.lease_end = lease_from(Clock::now(), running);  // it began when the store sent it, not long ago
  const Id id = next_id_++;
  running_.emplace(id, std::move(running));
  waiting_.push_back(id);
}

void Consumer::refuse(const Attempt& attempt, const std::string& reason, std::shared_ptr<const Original> original) {
  log::error(fmt::format("job {} {}", job::to_string(attempt.job.id), reason));
  Decision decision{Decision::Action::bury, Millis{0}, false, reason};
  answer(attempt, parts_.page->take(attempt), std::move(decision), std::move(original));
}

/// A suspect runs alone among the inline jobs; nothing inline overtakes one that waits.
bool Consumer::may_start(const Running& running) const {
  if (!running.is_inline) return true;
  for (const auto& [id, other] : running_) {
    if (&other == &running || !other.is_inline || other.execution == nullptr) continue;
    if (running.suspect || other.suspect) return false;
  }
  return true;
}

void Consumer::start_waiting() {
  bool held_back = false;
  for (std::size_t i = 0; i < waiting_.size();) {
    const Running& running = running_.at(waiting_[i]);
    if (running.lost) {
      parts_.page->free(running.slot);
      running_.erase(waiting_[i]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    if (started_ >= group_.job_batch) return;
    if ((running.is_inline && held_back) || !may_start(running)) {
      held_back = true;
      ++i;
      continue;
    }
    const Id id = waiting_[i];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    begin(id);
  }
}

void Consumer::begin(Id id) {
  Running& running = running_.at(id);
  ++started_;
  PageSlot& slot = parts_.page->slot(running.slot);
  if (running.is_inline) slot.flags.fetch_or(PageSlot::kInline);
  worker::Watcher watcher;
  watcher.on_start = [&slot, is_inline = running.is_inline](pid_t group) {
    slot.group = group;
    slot.state.store(Hold::started, std::memory_order_release);
    if (is_inline) set_fault_flags(&slot.flags);
  };
  watcher.on_report = [id = job::to_string(running.attempt.job.id)](const worker::Report& report) {
    log::info(fmt::format("job {}: {}", id, describe(report)));
  };
  watcher.on_end = [this, id](worker::Outcome outcome) {
    on_end(id, std::move(outcome));
    start_waiting();
    claim();
    check_stopped();
  };
  watcher.on_stuck = [this, &slot] {
    if (!stopping_) slot.flags.fetch_or(PageSlot::kOverdue);
    events_.on_stuck();
  };
  const std::uint32_t queue = running.attempt.queue;
  worker::Job job = std::move(running.job);
  running.execution = workers_[queue]->start(std::move(job), std::move(watcher));
}

void Consumer::on_end(Id id, worker::Outcome outcome) {
  const auto entry = running_.find(id);
  Running running = std::move(entry->second);
  running_.erase(entry);
  --started_;
  parts_.page->count_ended();
  if (running.lost) return parts_.page->free(running.slot);
  // Not started for want of a keeper: not the job's fault.
  if (outcome.kind == worker::Outcome::Kind::failed && !outcome.certificate && !running.is_inline && !keeper_lives()) {
    outcome.kind = worker::Outcome::Kind::stopped;
  }
  const bool good = outcome.kind == worker::Outcome::Kind::ok;
  if (running.suspect) parts_.suspects->clear(static_cast<std::uint64_t>(running.attempt.job.id.key));
  if (outcome.kind != worker::Outcome::Kind::stopped) {
    parts_.page->slot(running.slot).state.store(good ? Hold::done : Hold::failed, std::memory_order_release);
  }
  const QueueConfig& queue = parts_.config->queues[running.attempt.queue];
  if (good) {
    log::debug(fmt::format("job {} of '{}' is done", job::to_string(running.attempt.job.id), queue.name));
  } else {
    log::warning(fmt::format("job {} of '{}': {}", job::to_string(running.attempt.job.id), queue.name, outcome.reason));
  }
  answer(running.attempt, running.slot,
         decide(outcome.kind, outcome.reason, running.attempt, queue, unix_seconds(), roll()),
         std::move(running.original));
}

void Consumer::answer(const Attempt& attempt, std::size_t slot, Decision decision,
                      std::shared_ptr<const Original> original) {
  answers_.tell(attempt, parts_.config->queues[attempt.queue], std::move(decision), std::move(original),
                [this, alive = std::weak_ptr<bool>{alive_}, slot] {
                  if (alive.expired()) return;
                  if (slot != StartPage::kNone) parts_.page->free(slot);
                  claim();
                  check_stopped();
                });
}

bool Consumer::keeper_lives() const {
  if (parts_.keeper < 0) return true;
  pollfd polled{parts_.keeper, 0, 0};
  return ::poll(&polled, 1, 0) == 0;
}

}  // namespace coworker::service
