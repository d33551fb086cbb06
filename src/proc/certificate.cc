#include "proc/certificate.h"

#include <fmt/format.h>

#include <csignal>

namespace coworker::proc {
namespace {

std::string duration(Millis time) {
  if (time < Seconds{10}) return fmt::format("{} ms", time.count());
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000.0);
}

std::string size(std::uint64_t bytes) {
  constexpr std::uint64_t kMebi = 1024 * 1024;
  if (bytes < 10 * kMebi) return fmt::format("{} KiB", bytes / 1024);
  return fmt::format("{} MiB", bytes / kMebi);
}

std::string ending(const Certificate& c) {
  const std::string how = c.exit.by_signal ? signal_name(c.exit.code) : fmt::format("exit code {}", c.exit.code);
  switch (c.killed) {
    case Killed::process_timeout:
      return fmt::format("process timeout of {} exceeded: stopped, {}", duration(c.limit), how);
    case Killed::stopped:
      return fmt::format("stopped by us, {}", how);
    case Killed::lease_lost:
      return fmt::format("its lease was lost: stopped by us, {}", how);
    case Killed::cancelled:
      return fmt::format("cancelled: stopped by us, {}", how);
    case Killed::no:
      break;
  }
  if (!c.exit.by_signal) return how;
  if (c.exit.code == SIGXCPU && c.cpu_limit.count() > 0) {
    return fmt::format("SIGXCPU: CPU limit of {} s", c.cpu_limit.count());
  }
  return how + " not sent by us";
}

}  // namespace

std::string Certificate::describe() const {
  std::string text =
      fmt::format("{} after {}; CPU time {}; peak memory {}{}", ending(*this), duration(wall),
                  duration(usage.user + usage.system), peak_is_bound ? "at most " : "", size(usage.peak_memory));
  if (memory_limit > 0) text += " of limit " + size(memory_limit);
  if (exit.dumped) text += "; core dumped";
  return text;
}

}  // namespace coworker::proc
