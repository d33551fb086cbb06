#include "worker/pipe_worker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "worker/pooled_process.h"

namespace coworker::worker {
namespace {

constexpr Millis kFirstPause{100};
constexpr Millis kLongestPause{30'000};

}  // namespace

PipeWorker::PipeWorker(async::Loop& loop, ProcessOptions options, PoolLimits limits, Converse converse)
    : loop_{loop}, options_{std::move(options)}, limits_{limits}, converse_{std::move(converse)}, pause_timer_{loop} {}

PipeWorker::~PipeWorker() {
  for (const std::shared_ptr<PooledProcess>& process : processes_) process->leave_pool();
}

std::shared_ptr<Execution> PipeWorker::start(Job job, Watcher watcher) {
  watcher.on_report = limited(std::move(watcher.on_report));
  auto execution = std::make_shared<PipeExecution>(*this, std::move(job), std::move(watcher));
  waiting_.push_back(execution);
  fill();
  return execution;
}

void PipeWorker::close() {
  closing_ = true;
  pause_timer_.cancel();
  for (const std::shared_ptr<PooledProcess>& process : processes_) process->retire();
}

void PipeWorker::fill() {
  while (!waiting_.empty()) {
    PooledProcess* process = free_process();
    if (process == nullptr) {
      if (!may_start()) return;
      processes_.push_back(std::make_shared<PooledProcess>(*this, converse_()));
      processes_.back()->start();
      continue;
    }
    std::shared_ptr<PipeExecution> next = std::move(waiting_.front());
    waiting_.pop_front();
    process->give(std::move(next));
  }
}

PooledProcess* PipeWorker::free_process() {
  const auto found = std::find_if(processes_.begin(), processes_.end(), [](const auto& one) { return one->is_free(); });
  return found == processes_.end() ? nullptr : found->get();
}

/// One that has been started and is not ready yet will be free without another start.
bool PipeWorker::may_start() const {
  const auto coming = static_cast<std::size_t>(
      std::count_if(processes_.begin(), processes_.end(), [](const auto& one) { return one->is_coming(); }));
  return !closing_ && !paused_ && processes_.size() < limits_.count && coming < waiting_.size();
}

void PipeWorker::drop(const std::shared_ptr<PipeExecution>& waiting) {
  std::erase(waiting_, waiting);
}

void PipeWorker::ended(PooledProcess* process, bool in_vain) {
  std::erase_if(processes_, [&](const auto& one) { return one.get() == process; });
  if (!in_vain || closing_) return;
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  paused_ = true;
  log::warning(fmt::format("'{}' ended without an answer; the next start waits {} ms", options_.command.front(),
                           pause_.count()));
  pause_timer_.expires_after(pause_);
  pause_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    paused_ = false;
    fill();
  });
}

}  // namespace coworker::worker
