#include "service/scaling.h"

#include <algorithm>
#include <cmath>

namespace coworker::service {
namespace {

constexpr double kShort = 5.0;           // seconds over which load is averaged
constexpr double kLong = 30.0;           // and the time per job
constexpr double kDrain = 10.0;          // seconds in which what waits should be gone
constexpr double kUse = 0.8;             // how full slots may be on average: room for what comes unevenly
constexpr double kMargin = 1.15;         // what is kept beyond the need before any is let go
constexpr double kSlowestFinish = 1e-3;  // a second; keeps the time per job finite while none has ended
constexpr Millis kHold{30'000};

double seconds(Millis duration) {
  return static_cast<double>(duration.count()) / 1000.0;
}

}  // namespace

void Scaling::follow(const Load& load) {
  const double elapsed = seconds(load.elapsed);
  const auto blend = [&](double& average, double value, double over) {
    const double keep = started_ ? std::exp(-elapsed / over) : 0.0;
    average = keep * average + (1.0 - keep) * value;
  };
  blend(arrival_rate_, static_cast<double>(load.arrived) / elapsed, kShort);
  blend(busy_, load.busy, kShort);
  blend(busy_long_, load.busy, kLong);
  blend(finish_rate_, static_cast<double>(load.finished) / elapsed, kLong);
  started_ = true;
  clock_ += load.elapsed;
}

double Scaling::slots_needed(const Load& load) const {
  const double time_per_job = busy_long_ / std::max(finish_rate_, kSlowestFinish);
  const auto waiting = static_cast<double>(load.waiting);
  const double arriving = std::min(arrival_rate_ * time_per_job, load.busy + waiting);
  const double backlog = std::min(waiting, waiting * time_per_job / kDrain);
  return std::max(busy_, arriving) / kUse + backlog;
}

std::uint32_t Scaling::target(const Load& load, const Limits& limits, std::uint32_t now) {
  follow(load);
  const double slots = slots_needed(load);
  const auto processes = [&](double wanted) {
    return static_cast<std::uint32_t>(std::clamp(std::ceil(wanted / static_cast<double>(limits.slots)),
                                                 static_cast<double>(limits.min), static_cast<double>(limits.max)));
  };
  std::erase_if(needs_, [this](const Need& need) { return need.at + kHold < clock_; });
  needs_.push_back({clock_, processes(slots * kMargin)});
  const std::uint32_t needed = processes(slots);
  if (needed > now) return std::max(limits.min, std::min(needed, now * 2));
  std::uint32_t kept = 0;
  for (const Need& need : needs_) kept = std::max(kept, need.processes);
  return std::clamp(now, limits.min, std::max(kept, needed));
}

}  // namespace coworker::service
