#include "worker/pipe_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "worker/pooled_process.h"

namespace coworker::worker {
namespace {

constexpr PauseRule kPauses{.first = Millis{100}, .longest = Millis{30'000}};

}  // namespace

PipeWorker::PipeWorker(async::Loop& loop, ProcessOptions options, PoolLimits limits, Converse converse)
    : loop_{loop},
      options_{std::move(options)},
      limits_{limits},
      converse_{std::move(converse)},
      pauses_{kPauses},
      pause_timer_{loop} {}

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
  while (fill_one()) {
  }
}

/// One job to a process, one start, or one end of what is in the way; false: there is nothing to be done.
bool PipeWorker::fill_one() {
  const bool any_free =
      std::any_of(processes_.begin(), processes_.end(), [](const auto& one) { return one->is_free(); });
  if (!any_free && places() == 0) return false;
  std::map<std::string, std::size_t> coming;
  for (const auto& one : processes_) coming[one->context()] += one->is_coming() ? 1 : 0;
  std::size_t uncovered = 0;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const std::string& context = waiting_[i]->job().context;
    if (PooledProcess* process = free_process(context); process != nullptr) {
      const std::shared_ptr<PipeExecution> next = std::move(waiting_[i]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      process->give(next);
      return true;
    }
    if (std::size_t& one = coming[context]; one > 0) {
      --one;
      continue;
    }
    if (make_place(context, ++uncovered)) return true;
  }
  return false;
}

/// For the `wanted`-th waiting job that no process will come for: starts one, or ends others in its favour.
bool PipeWorker::make_place(const std::string& context, std::size_t wanted) {
  if (closing_ || paused_) return false;
  if (places() > 0) {
    ProcessOptions options = options_;
    std::unique_ptr<Conversation> conversation = converse_(context, options);
    processes_.push_back(std::make_shared<PooledProcess>(*this, context, std::move(conversation)));
    processes_.back()->start(options);
    return true;
  }
  const auto leaving = static_cast<std::size_t>(
      std::count_if(processes_.begin(), processes_.end(), [](const auto& one) { return one->is_leaving(); }));
  if (leaving >= wanted) return false;
  std::vector<PooledProcess*> idle;
  for (const auto& one : processes_) {
    if (one->is_free()) idle.push_back(one.get());
  }
  std::sort(idle.begin(), idle.end(), [](const auto* a, const auto* b) { return a->idle_since() < b->idle_since(); });
  idle.resize(std::min(idle.size(), limits_.cleanup));
  for (PooledProcess* one : idle) one->retire();
  return !idle.empty();
}

PooledProcess* PipeWorker::free_process(const std::string& context) const {
  const auto found = std::find_if(processes_.begin(), processes_.end(),
                                  [&](const auto& one) { return one->is_free() && one->context() == context; });
  return found == processes_.end() ? nullptr : found->get();
}

/// Processes that could be started now.
std::size_t PipeWorker::places() const {
  return closing_ || paused_ || processes_.size() >= limits_.count ? 0 : limits_.count - processes_.size();
}

std::size_t PipeWorker::free_slots() const {
  const auto usable = static_cast<std::size_t>(std::count_if(
      processes_.begin(), processes_.end(), [](const auto& one) { return one->is_free() || one->is_coming(); }));
  const std::size_t slots = places() + usable;
  return slots > waiting_.size() ? slots - waiting_.size() : 0;
}

void PipeWorker::fail_waiting(const std::string& context, const Outcome& outcome) {
  std::vector<std::shared_ptr<PipeExecution>> failed;
  for (const auto& one : waiting_) {
    if (one->job().context == context) failed.push_back(one);
  }
  std::erase_if(waiting_, [&](const auto& one) { return one->job().context == context; });
  for (const auto& one : failed) one->end(outcome);
}

void PipeWorker::drop(const std::shared_ptr<PipeExecution>& waiting) {
  std::erase(waiting_, waiting);
}

void PipeWorker::ended(PooledProcess* process, bool in_vain) {
  std::erase_if(processes_, [&](const auto& one) { return one.get() == process; });
  if (in_vain && !closing_) pause();
}

void PipeWorker::pause() {
  paused_ = true;
  const Millis wait = pauses_.next();
  log::warning(
      fmt::format("'{}' ended without an answer; the next start waits {} ms", options_.command.front(), wait.count()));
  pause_timer_.expires_after(wait);
  pause_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    paused_ = false;
    fill();
    if (on_change_) on_change_();
  });
}

}  // namespace coworker::worker
