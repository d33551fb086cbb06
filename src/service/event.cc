#include "service/event.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "job/json_text.h"

namespace coworker::service {
namespace {

constexpr std::array<std::string_view, 9> kKinds{"started",   "done", "failed", "crashed", "released",
                                                 "cancelled", "lost", "buried", "progress"};

std::string_view limit_of(const proc::Certificate& certificate) {
  switch (certificate.killed) {
    case proc::Killed::process_timeout:
      return "process timeout";
    case proc::Killed::stopped:
      return "stopped";
    case proc::Killed::lease_lost:
      return "lease lost";
    case proc::Killed::cancelled:
      return "cancelled";
    case proc::Killed::no:
      break;
  }
  return {};
}

/// A JSON object, member by member.
class Object {
 public:
  Object& raw(std::string_view name, std::string_view value) {
    text_ += text_.size() > 1 ? ",\"" : "\"";
    text_.append(name).append("\":").append(value);
    return *this;
  }
  Object& text(std::string_view name, std::string_view value) {
    return value.empty() ? *this : raw(name, job::json_string(value));
  }
  template <class Number>
  Object& number(std::string_view name, Number value) {
    return raw(name, fmt::format("{}", value));
  }
  std::string take() { return std::move(text_) + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace

std::string to_json(const proc::Certificate& certificate) {
  Object out;
  if (certificate.exit.by_signal) {
    out.text("signal", proc::signal_name(certificate.exit.code));
  } else {
    out.number("exit", certificate.exit.code);
  }
  if (certificate.exit.dumped) out.raw("core_dumped", "true");
  out.text("ended_for", limit_of(certificate));
  if (certificate.limit.count() > 0) out.number("limit_ms", certificate.limit.count());
  out.number("wall_ms", certificate.wall.count());
  out.number("cpu_ms", (certificate.usage.user + certificate.usage.system).count());
  out.number(certificate.peak_is_bound ? "peak_memory_at_most" : "peak_memory", certificate.usage.peak_memory);
  if (certificate.memory_limit > 0) out.number("memory_limit", certificate.memory_limit);
  if (certificate.cpu_limit.count() > 0) out.number("cpu_limit_s", certificate.cpu_limit.count());
  out.text("stderr", certificate.error_output);
  return out.take();
}

std::string_view to_string(EventKind kind) noexcept {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string to_json(const Event& event) {
  const std::string id = job::to_string(event.job);
  Object out;
  out.text("event", to_string(event.kind)).number("time", event.time).text("job", id);
  if (event.original != id) out.text("original", event.original);
  out.text("task", event.task).text("queue", event.queue);
  if (event.attempt > 0) out.number("attempt", event.attempt);
  out.text("worker", event.worker);
  if (event.pid > 0) out.number("pid", event.pid);
  out.text("outcome", event.outcome).text("reason", event.reason);
  if (event.retry_in) out.number("retry_in_ms", event.retry_in->count());
  if (event.progress) out.number("progress", *event.progress);
  out.text("text", event.text);
  if (event.certificate) out.raw("certificate", to_json(*event.certificate));
  if (!event.body.empty()) out.raw("body", event.body);
  return out.take();
}

}  // namespace coworker::service
