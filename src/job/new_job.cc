#include "job/new_job.h"

#include <fmt/format.h>

#include "job/envelope.h"
#include "job/json_text.h"
#include "job/validate.h"

namespace coworker::job {
namespace {

constexpr Seconds kUsualRetry{300};
constexpr Seconds kUsualLifetime{30 * 86'400};
constexpr Seconds kAgainWindow{3'600};

Result<> check_metadata(const std::string& metadata) {
  Result<> json = check_json(metadata);
  if (!json) return tl::unexpected{std::move(json.error()).wrap("the metadata is no JSON")};
  if (!trim_json(metadata).starts_with('{')) {
    return fail(Errc::invalid_argument, "the metadata must be a JSON object");
  }
  return {};
}

Seconds usual_retry(Seconds process_timeout) {
  return process_timeout.count() > 0 ? process_timeout : kUsualRetry;
}

std::string without_retries(const std::string& metadata) {
  std::string rest;
  for (const JsonMember& member : json_members(metadata)) {
    if (member.key == "retries") continue;
    rest += fmt::format("{}{}:{}", rest.empty() ? "" : ",", json_string(member.key), member.value);
  }
  return "{" + rest + "}";
}

Stamp stamp_of(const View& dead) {
  const Result<Envelope> envelope = parse_envelope(dead.body);
  return envelope && !envelope->bare ? read_stamp(envelope->metadata) : Stamp{};
}

}  // namespace

Result<Add> make_add(const NewJob& job, std::int64_t wall_ms) {
  Result<> json = check_json(job.body);
  if (!json) return tl::unexpected{std::move(json.error()).wrap("the body is no JSON")};
  Result<> metadata = check_metadata(job.metadata);
  if (!metadata) return tl::unexpected{std::move(metadata.error())};
  if (job.priority < -128 || job.priority > 127) {
    return fail(Errc::invalid_argument, fmt::format("priority {} is out of range (-128 to 127)", job.priority));
  }
  Add add;
  add.queue = job.queue;
  Stamp stamp;
  stamp.creation_time = wall_ms / 1000;
  stamp.job_lifetime = job.lifetime.count();
  stamp.process_timeout = job.process_timeout.count();
  add.body = make_envelope(job.body, write_stamp(job.metadata, stamp));
  add.delay = job.delay;
  add.retry = job.retry.value_or(usual_retry(job.process_timeout));
  add.ttl = job.lifetime;
  add.priority = static_cast<std::int8_t>(job.priority);
  add.unique_key = job.unique;
  add.group = job.group;
  add.idempotency_key = job.idempotency_key;
  if (!job.idempotency_key.empty()) add.idempotency_window = job.idempotency_window;
  add.max_length = static_cast<std::uint64_t>(job.max_length);
  add.bury_on_expiry = true;
  Result<> valid = validate(add, Time{wall_ms});
  if (!valid) return tl::unexpected{std::move(valid.error())};
  return add;
}

bool can_be_revived(const View& dead) {
  return stamp_of(dead).retries == 0;
}

Seconds lifetime_of(const View& dead) {
  const std::int64_t seconds = stamp_of(dead).job_lifetime.value_or(0);
  return seconds > 0 ? Seconds{seconds} : kUsualLifetime;
}

Add make_again(const View& dead, std::string queue, std::int64_t wall_ms) {
  Add add;
  add.queue = std::move(queue);
  add.body = dead.body;
  add.retry = dead.retry;
  add.ttl = lifetime_of(dead);
  add.priority = dead.priority;
  add.bury_on_expiry = true;
  add.idempotency_key = "again:" + to_string(dead.id);
  add.idempotency_window = kAgainWindow;
  // What cannot be decoded goes back as it is.
  const Result<Envelope> envelope = parse_envelope(dead.body);
  if (!envelope || envelope->bare) return add;
  Stamp stamp = read_stamp(envelope->metadata);
  stamp.creation_time = wall_ms / 1000;
  if (!stamp.original_id) stamp.original_id = to_string(dead.id);
  stamp.retries = 0;
  add.body = make_envelope(envelope->body, write_stamp(without_retries(envelope->metadata), stamp));
  return add;
}

bool needs_index(const Add& add) {
  return !add.unique_key.empty() || !add.idempotency_key.empty() || !add.register_name.empty() || add.max_length != 0;
}

bool is_stored(const Added& added) {
  using Outcome = Added::Outcome;
  return added.outcome == Outcome::created || added.outcome == Outcome::duplicate || added.outcome == Outcome::repeated;
}

Error refusal(const Added& added, const std::string& queue) {
  switch (added.outcome) {
    case Added::Outcome::paused:
      return Error{Errc::unavailable, fmt::format("queue '{}' is paused and takes no jobs", queue)};
    case Added::Outcome::full:
      return Error{Errc::resource_exhausted, fmt::format("queue '{}' holds as many jobs as it may", queue)};
    case Added::Outcome::stale:
      return Error{Errc::conflict, fmt::format("queue '{}' refused the job: its register has that value", queue)};
    case Added::Outcome::created:
    case Added::Outcome::duplicate:
    case Added::Outcome::repeated:
      break;
  }
  return Error{Errc::internal, "the job was stored"};
}

}  // namespace coworker::job
