#include "worker/hooked_worker.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace coworker::worker {
namespace {

using Guard = boost::asio::executor_work_guard<async::Loop::executor_type>;

/// Waits for the hook, then is the inner worker's execution.
class HookedExecution : public Execution, public std::enable_shared_from_this<HookedExecution> {
 public:
  HookedExecution(Worker& inner, Job job, Watcher watcher)
      : inner_{inner}, job_{std::move(job)}, watcher_{std::move(watcher)} {}

  void begin(async::Loop& loop, async::Threads& threads, const Hooks& hooks) {
    auto guard = std::make_shared<Guard>(loop.get_executor());
    threads.run([self = shared_from_this(), guard, &hooks]() mutable {
      if (self->watcher_.on_start) self->watcher_.on_start(0);
      call_hooks("before_process", hooks.before_process, self->job_);
      const auto executor = guard->get_executor();
      boost::asio::post(executor, [self = std::move(self)] { self->go_on(); });
      guard->reset();
    });
  }

  void stop(proc::Killed why, Millis grace) override {
    if (execution_) return execution_->stop(why, grace);
    stopped_ = true;
  }

 private:
  void go_on() {
    if (!stopped_) {
      execution_ = inner_.start(std::move(job_), std::move(watcher_));
      return;
    }
    Outcome outcome;
    outcome.kind = Outcome::Kind::stopped;
    outcome.reason = "stopped before it began";
    const auto on_end = std::move(watcher_.on_end);
    on_end(std::move(outcome));
  }

  Worker& inner_;
  Job job_;
  Watcher watcher_;
  bool stopped_ = false;
  std::shared_ptr<Execution> execution_;
};

}  // namespace

HookedWorker::HookedWorker(async::Loop& loop, async::Threads& threads, const Hooks& hooks,
                           std::unique_ptr<Worker> inner)
    : loop_{loop}, threads_{threads}, hooks_{hooks}, inner_{std::move(inner)} {}

std::shared_ptr<Execution> HookedWorker::start(Job job, Watcher watcher) {
  if (!hooks_.after_process.empty()) {
    watcher.on_end = [&threads = threads_, &hooks = hooks_, kept = std::make_shared<const Job>(job),
                      on_end = std::move(watcher.on_end)](Outcome outcome) {
      // It may outlast this worker.
      threads.run([&hooks, kept, outcome] { call_hooks("after_process", hooks.after_process, *kept, outcome); });
      on_end(std::move(outcome));
    };
  }
  if (hooks_.before_process.empty()) return inner_->start(std::move(job), std::move(watcher));
  auto execution = std::make_shared<HookedExecution>(*inner_, std::move(job), std::move(watcher));
  execution->begin(loop_, threads_, hooks_);
  return execution;
}

}  // namespace coworker::worker
