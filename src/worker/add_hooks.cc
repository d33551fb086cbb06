#include "worker/add_hooks.h"

#include <utility>

#include "job/id.h"

namespace coworker::worker {
namespace {

AddError error_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return AddError::invalid;
    case Errc::resource_exhausted:
      return AddError::disk_full;
    case Errc::denied:
      return AddError::denied;
    case Errc::unavailable:
    case Errc::conflict:
      return AddError::unavailable;
    case Errc::not_found:
    case Errc::corrupt:
    case Errc::internal:
      break;
  }
  return AddError::failed;
}

AddOptions options_of(const job::NewJob& job) {
  AddOptions options;
  options.delay = job.delay;
  options.priority = static_cast<int>(job.priority);
  options.unique = job.unique;
  options.group = job.group;
  options.idempotency_key = job.idempotency_key;
  options.idempotency_window = job.idempotency_window;
  options.lifetime = job.lifetime;
  options.process_timeout = job.process_timeout;
  options.retry = job.retry;
  options.metadata = job.metadata;
  return options;
}

}  // namespace

Added not_added(const Error& error) {
  return Added::failure(error_of(error.code()), error.message());
}

Added added_of(const Result<job::Answer>& answer, const std::string& queue) {
  if (!answer) return not_added(answer.error());
  const auto* added = std::get_if<job::Added>(&*answer);
  if (added == nullptr) return Added::failure(AddError::failed, "the store answered something else");
  if (!job::is_stored(*added)) return Added::failure(AddError::refused, job::refusal(*added, queue).message());
  return Added::with_id(to_string(added->id), added->outcome == job::Added::Outcome::created);
}

void set_options(job::NewJob& job, AddOptions options) {
  job.delay = options.delay;
  job.priority = options.priority;
  job.unique = std::move(options.unique);
  job.group = std::move(options.group);
  job.idempotency_key = std::move(options.idempotency_key);
  job.idempotency_window = options.idempotency_window;
  job.lifetime = options.lifetime;
  job.process_timeout = options.process_timeout;
  job.retry = options.retry;
  job.metadata = std::move(options.metadata);
}

void call_before_add(const Hooks& hooks, job::NewJob& job) {
  for (const auto& hook : hooks.before_add) {
    AddOptions changed = options_of(job);
    try {
      hook(job.queue, job.body, changed);
      set_options(job, std::move(changed));
    } catch (...) {
      log_thrown("before_add");
    }
  }
}

void call_after_add(const Hooks& hooks, const job::NewJob& job, const Added& added) {
  call_hooks("after_add", hooks.after_add, std::string_view{job.queue}, std::string_view{job.body}, added);
}

}  // namespace coworker::worker
