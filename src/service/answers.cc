#include "service/answers.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"

namespace coworker::service {
namespace {

using Action = Decision::Action;

constexpr Millis kFirstPause{100};
constexpr Millis kLongestPause{2'000};
constexpr Seconds kFailureLifetime{3'932'100};

const char* name_of(Action action) {
  switch (action) {
    case Action::ack:
      return "acknowledge";
    case Action::release:
      return "release";
    case Action::retry:
      return "retry";
    case Action::bury:
      return "bury";
  }
  return "answer for";
}

}  // namespace

struct Answers::Answer {
  Attempt attempt;
  const QueueConfig* queue = nullptr;
  Decision decision;
  std::shared_ptr<const Original> original;
  Done done;
  bool copied = false;  // it was added again: now only the old one is left to acknowledge
  Millis pause = kFirstPause;
  std::unique_ptr<boost::asio::steady_timer> timer{};  // once it is needed
};

struct Answers::Shared : std::enable_shared_from_this<Answers::Shared> {
  Shared(async::Loop& on, store::Store& to) : loop{on}, store{to} {}

  void send(const std::shared_ptr<Answer>& answer);
  void send_acks();
  job::Command command(Answer& answer) const;
  job::Add copy_of(const Answer& answer) const;
  void answered(const std::shared_ptr<Answer>& answer, bool was_copy, Result<job::Answer> result);
  void finish(const std::shared_ptr<Answer>& answer);

  async::Loop& loop;
  store::Store& store;
  std::set<std::shared_ptr<Answer>> open;
  std::vector<std::shared_ptr<Answer>> acks;  // of this turn of the loop: one command for all
  bool closed = false;
};

Answers::Answers(async::Loop& loop, store::Store& store) : shared_{std::make_shared<Shared>(loop, store)} {}

Answers::~Answers() {
  shared_->closed = true;
}

std::size_t Answers::open() const {
  return shared_->open.size();
}

void Answers::tell(const Attempt& attempt, const QueueConfig& queue, Decision decision,
                   std::shared_ptr<const Original> original, Done done) {
  auto answer = std::make_shared<Answer>();
  answer->attempt = attempt;
  answer->queue = &queue;
  answer->decision = std::move(decision);
  answer->original = std::move(original);
  answer->done = std::move(done);
  shared_->open.insert(answer);
  shared_->send(answer);
}

void Answers::close() {
  shared_->closed = true;
  const auto open = std::move(shared_->open);
  shared_->open.clear();
  for (const std::shared_ptr<Answer>& answer : open) {
    if (answer->timer) answer->timer->cancel();
    if (const Done done = std::move(answer->done)) done();
  }
}

job::Add Answers::Shared::copy_of(const Answer& answer) const {
  const Original& original = *answer.original;
  job::Stamp stamp = job::read_stamp(original.envelope.metadata);
  if (!stamp.original_id) stamp.original_id = job::to_string(answer.attempt.job.id);
  stamp.retries = answer.attempt.retries + 1;
  job::Add add;
  add.body = job::make_envelope(original.envelope.body, job::write_stamp(original.envelope.metadata, stamp));
  add.retry = original.retry;
  const std::int64_t left = answer.attempt.expires - wall_millis() / 1000;
  if (answer.decision.action == Action::bury) {
    add.queue = answer.queue->failure_queue;
    add.ttl = kFailureLifetime;
  } else {
    add.queue = answer.queue->name;
    add.delay = answer.decision.delay;
    add.ttl = answer.attempt.expires > 0 ? Seconds{left} : answer.queue->job_lifetime;
  }
  return add;
}

job::Command Answers::Shared::command(Answer& answer) const {
  const job::JobRef& job = answer.attempt.job;
  const Decision& decision = answer.decision;
  const store::Capabilities can = store.capabilities();
  switch (decision.action) {
    case Action::ack:
      return job::Ack{{job}};
    case Action::release:
      return job::Release{{job}};
    case Action::retry:
      if (decision.delay == Millis{0} || can.delayed_retry) {
        return job::Retry{{{job, decision.delay, decision.crashed, decision.reason}}};
      }
      break;
    case Action::bury:
      if (can.bury) {
        job::Bury bury;
        bury.items.push_back({job, decision.crashed, decision.reason});
        bury.failure_queue = answer.queue->failure_queue;
        return bury;
      }
      break;
  }
  if (!answer.original) return job::Release{{job}};
  return copy_of(answer);
}

void Answers::Shared::send_acks() {
  if (closed) return;
  const auto sent = std::make_shared<std::vector<std::shared_ptr<Answer>>>(std::exchange(acks, {}));
  job::Ack all;
  for (const std::shared_ptr<Answer>& answer : *sent) all.jobs.push_back(answer->attempt.job);
  store.apply(std::move(all), [self = shared_from_this(), sent](const Result<job::Answer>& result) {
    const auto* statuses = result ? std::get_if<job::Statuses>(&*result) : nullptr;
    for (std::size_t i = 0; i < sent->size() && !self->closed; ++i) {
      if (!result) {
        self->answered((*sent)[i], false, tl::unexpected{result.error()});
      } else {
        const bool known = statuses != nullptr && i < statuses->each.size();
        self->answered((*sent)[i], false, job::Statuses{{known ? statuses->each[i] : job::Status::done}});
      }
    }
  });
}

void Answers::Shared::send(const std::shared_ptr<Answer>& answer) {
  if (closed) return;
  if (answer->copied || answer->decision.action == Action::ack) {
    acks.push_back(answer);
    if (acks.size() == 1) boost::asio::post(loop, [self = shared_from_this()] { self->send_acks(); });
    return;
  }
  job::Command next = command(*answer);
  const bool is_copy = std::holds_alternative<job::Add>(next);
  store.apply(std::move(next), [self = shared_from_this(), answer, is_copy](Result<job::Answer> result) {
    if (!self->closed) self->answered(answer, is_copy, std::move(result));
  });
}

void Answers::Shared::answered(const std::shared_ptr<Answer>& answer, bool was_copy, Result<job::Answer> result) {
  const Decision& decision = answer->decision;
  const auto what = [&] {
    return fmt::format("{} job {}", name_of(decision.action), job::to_string(answer->attempt.job.id));
  };
  if (!result) {
    const Errc code = result.error().code();
    if (code == Errc::unavailable || code == Errc::resource_exhausted || code == Errc::internal) {
      if (!answer->timer) answer->timer = std::make_unique<boost::asio::steady_timer>(loop);
      answer->timer->expires_after(answer->pause);
      answer->pause = std::min(answer->pause * 2, kLongestPause);
      answer->timer->async_wait([self = shared_from_this(), answer](boost::system::error_code error) {
        if (!error) self->send(answer);
      });
      return;
    }
    log::error(what() + ": " + result.error().message());
    return finish(answer);
  }
  if (was_copy) {
    const auto* added = std::get_if<job::Added>(&*result);
    if (added == nullptr || added->outcome == job::Added::Outcome::created) {
      answer->copied = true;
      return send(answer);
    }
    log::error(what() + ": its queue takes no jobs, it comes back at the end of its retry time");
    return finish(answer);
  }
  const auto* statuses = std::get_if<job::Statuses>(&*result);
  if (statuses != nullptr && !statuses->each.empty() && statuses->each.front() != job::Status::done) {
    // Also what a repeated answer gets whose first reply was lost.
    log::warning(what() + ": it is not ours any more");
  }
  finish(answer);
}

void Answers::Shared::finish(const std::shared_ptr<Answer>& answer) {
  open.erase(answer);
  const Done done = std::move(answer->done);
  if (done) done();
}

}  // namespace coworker::service
