#include "app/library_hooks.h"

#include <string>

namespace coworker::app {
namespace {

void ignore_progress(void*, double, const char*, size_t) {}
void ignore_log(void*, const char*, size_t) {}
int never_stopped(void*) {
  return 0;
}

CwHookCall call_of(const CwJob& job, const std::string& text) {
  CwHookCall call{};
  call.size = sizeof call;
  call.job = &job;
  call.text = text.c_str();
  call.text_length = text.size();
  return call;
}

CwHookCall call_of(const CwJob& job, const worker::Failure& failure) {
  CwHookCall call = call_of(job, failure.reason);
  call.outcome = failure.crashed ? COWORKER_CRASHED : COWORKER_FAILED;
  call.retries = failure.retries;
  call.crashes = failure.crashes;
  call.max_retries = failure.max_retries;
  return call;
}

int outcome_of(worker::Outcome::Kind kind) {
  switch (kind) {
    case worker::Outcome::Kind::ok:
      return COWORKER_DONE;
    case worker::Outcome::Kind::failed:
      return COWORKER_FAILED;
    case worker::Outcome::Kind::crashed:
      return COWORKER_CRASHED;
    case worker::Outcome::Kind::stopped:
      break;
  }
  return COWORKER_STOPPED;
}

void set_metadata(void* context, const char* text, size_t length) {
  static_cast<std::string*>(context)->assign(text, length);
}

CwAdd view_of(std::string_view queue, std::string_view body, const std::string& metadata) {
  CwAdd add{};
  add.size = sizeof add;
  add.queue = queue.data();
  add.queue_length = queue.size();
  add.body = body.data();
  add.body_length = body.size();
  add.metadata = metadata.c_str();
  add.metadata_length = metadata.size();
  return add;
}

}  // namespace

CwJob view_of(const worker::Job& job) {
  CwJob view{};
  view.size = sizeof view;
  view.id = job.id.c_str();
  view.queue = job.queue.c_str();
  view.queue_length = job.queue.size();
  view.body = job.body.c_str();
  view.body_length = job.body.size();
  view.metadata = job.metadata.c_str();
  view.metadata_length = job.metadata.size();
  view.attempt = job.attempt;
  view.progress = ignore_progress;
  view.log = ignore_log;
  view.is_stopped = never_stopped;
  return view;
}

bool add_library_hook(worker::Hooks& hooks, int when, CwHook hook, void* context) {
  if (hook == nullptr) return false;
  switch (when) {
    case COWORKER_BEFORE_PROCESS:
      hooks.before_process.push_back([hook, context](const worker::Job& job) {
        const CwJob view = view_of(job);
        static const std::string none;
        const CwHookCall call = call_of(view, none);
        hook(context, &call);
      });
      return true;
    case COWORKER_AFTER_PROCESS:
      hooks.after_process.push_back([hook, context](const worker::Job& job, const worker::Outcome& outcome) {
        const CwJob view = view_of(job);
        const bool good = outcome.kind == worker::Outcome::Kind::ok;
        CwHookCall call = call_of(view, good ? outcome.result : outcome.reason);
        call.outcome = outcome_of(outcome.kind);
        hook(context, &call);
      });
      return true;
    case COWORKER_ON_FAILURE:
      hooks.on_failure.push_back([hook, context](const worker::Failure& failure) {
        const CwJob view = view_of(failure.job);
        const CwHookCall call = call_of(view, failure);
        hook(context, &call);
      });
      return true;
    case COWORKER_ON_BURY:
      hooks.on_bury.push_back([hook, context](const worker::Job& job, const std::string& reason) {
        const CwJob view = view_of(job);
        CwHookCall call = call_of(view, reason);
        call.outcome = COWORKER_FAILED;
        hook(context, &call);
      });
      return true;
    default:
      return false;
  }
}

bool add_library_add_hook(worker::Hooks& hooks, int when, CwAddHook hook, void* context) {
  if (hook == nullptr) return false;
  if (when == COWORKER_BEFORE_ADD) {
    hooks.before_add.push_back([hook, context](std::string_view queue, std::string_view body, AddOptions& options) {
      const std::string before = options.metadata;
      CwAdd add = view_of(queue, body, before);
      add.delay_ms = options.delay.count();
      add.lifetime_s = options.lifetime.count();
      add.process_timeout_s = options.process_timeout.count();
      add.priority = options.priority;
      add.context = &options.metadata;
      add.set_metadata = set_metadata;
      hook(context, &add);
      options.delay = std::chrono::milliseconds{add.delay_ms};
      options.lifetime = std::chrono::seconds{add.lifetime_s};
      options.process_timeout = std::chrono::seconds{add.process_timeout_s};
      options.priority = add.priority;
    });
    return true;
  }
  if (when != COWORKER_AFTER_ADD) return false;
  hooks.after_add.push_back([hook, context](std::string_view queue, std::string_view body, const Added& added) {
    const std::string id{added.id()};
    const std::string error{added.message()};
    CwAdd add = view_of(queue, body, std::string{});
    add.metadata = "";
    add.metadata_length = 0;
    add.id = added ? id.c_str() : nullptr;
    add.error = added ? nullptr : error.c_str();
    hook(context, &add);
  });
  return true;
}

bool add_library_strategy(worker::Hooks& hooks, const char* name, CwStrategy strategy, void* context) {
  if (name == nullptr || *name == '\0' || strategy == nullptr || hooks.strategies.contains(name)) return false;
  hooks.strategies[name] = [strategy, context](const worker::Failure& failure) -> worker::Again {
    const CwJob view = view_of(failure.job);
    const CwHookCall call = call_of(view, failure);
    const long long delay = strategy(context, &call);
    return delay < 0 ? worker::Again{} : worker::Again{Millis{delay}};
  };
  return true;
}

}  // namespace coworker::app
