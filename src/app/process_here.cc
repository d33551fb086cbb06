#include "app/process_here.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>

#include "async/loop.h"
#include "base/log.h"
#include "service/make_worker.h"

namespace coworker::app {
namespace {

/// A worker and what it needs, on a loop that runs for one job.
class OneJob {
 public:
  Result<> prepare(const service::QueueConfig& queue, const worker::Registry& registry, Millis grace) {
    Result<std::unique_ptr<worker::Worker>> made = service::make_worker(queue, {loop_, threads_, registry, grace});
    if (!made) return tl::unexpected{std::move(made.error())};
    worker_ = std::move(*made);
    return {};
  }

  worker::Outcome run(worker::Job job) {
    std::optional<worker::Outcome> outcome;
    bool is_stuck = false;
    worker::Watcher watcher;
    watcher.on_start = [](pid_t) {};
    watcher.on_report = [](const worker::Report& report) { log::info(describe(report)); };
    watcher.on_end = [&](worker::Outcome ended) { outcome = std::move(ended); };
    watcher.on_stuck = [&] { is_stuck = true; };
    const std::shared_ptr<worker::Execution> execution = worker_->start(std::move(job), std::move(watcher));
    auto work = boost::asio::make_work_guard(loop_);
    while (!outcome && !is_stuck) loop_.run_one();
    if (outcome) {
      worker_->close();
      work.reset();
      loop_.run();
      return std::move(*outcome);
    }
    // A thread cannot be ended, and it may use what is destroyed when this returns.
    log::critical("the worker does not return, although its time is up");
    ::_exit(1);
  }

 private:
  async::Loop loop_{1};
  async::Threads threads_;
  std::unique_ptr<worker::Worker> worker_;
};

Result<service::QueueConfig> queue_named(const service::Config& config, const std::string& name,
                                         const worker::Registry& registry) {
  for (const service::QueueConfig& queue : config.queues) {
    if (queue.name == name) return queue;
  }
  if (registry.find(name) == nullptr) {
    return fail(Errc::not_found, fmt::format("queue '{}' has no worker: put it under queues: in coworker.yml", name));
  }
  service::QueueConfig queue;
  queue.name = name;
  queue.worker.kind = service::WorkerKind::inline_worker;
  queue.worker.name = name;
  return queue;
}

}  // namespace

Result<worker::Outcome> process_here(const service::Config& config, const worker::Registry& registry, worker::Job job) {
  const Result<service::QueueConfig> queue = queue_named(config, job.queue, registry);
  if (!queue) return tl::unexpected{queue.error()};
  // A worker that does not read what it is sent must not end us.
  ::signal(SIGPIPE, SIG_IGN);
  OneJob one;
  if (Result<> prepared = one.prepare(*queue, registry, config.kill_grace); !prepared) {
    return tl::unexpected{std::move(prepared.error())};
  }
  job.process_timeout = queue->job_process_timeout;
  worker::Outcome outcome = one.run(std::move(job));
  if (outcome.kind != worker::Outcome::Kind::ok) {
    log::error("the job failed: " + outcome.reason, {{"queue", queue->name}});
  }
  return outcome;
}

}  // namespace coworker::app
