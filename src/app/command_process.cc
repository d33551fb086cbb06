#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <csignal>
#include <memory>
#include <optional>

#include "app/command_list.h"
#include "app/output.h"
#include "app/store_session.h"
#include "app/worker_registry.h"
#include "base/log.h"
#include "job/envelope.h"
#include "job/json_text.h"
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
    std::fputs("coworker: the worker does not return, although its time is up\n", stderr);
    ::_exit(kFailed);
  }

 private:
  async::Loop loop_{1};
  worker::Threads threads_;
  std::unique_ptr<worker::Worker> worker_;
};

Result<service::QueueConfig> queue_named(const service::Config& config, const std::string& name,
                                         const worker::Registry& registry) {
  for (const service::QueueConfig& queue : config.queues) {
    if (queue.name == name) return queue;
  }
  if (registry.find(name) == nullptr) {
    return fail(Errc::not_found,
                fmt::format("queue '{}' has no worker: put it under queues: in coworker.yml", printable(name)));
  }
  service::QueueConfig queue;
  queue.name = name;
  queue.worker.kind = service::WorkerKind::inline_worker;
  queue.worker.name = name;
  return queue;
}

}  // namespace

int run_process(const Arguments& arguments, const Context& context) {
  const std::string body = *arguments.text("JSON");
  if (Result<> json = job::check_json(body); !json)
    return complain(std::move(json.error()).wrap("the body is no JSON"));
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  if (Result<> logged = log::configure(log_options(configuration->settings)); !logged) return complain(logged.error());
  const Result<service::Config> config = service_config(configuration->settings);
  if (!config) return complain(config.error());
  const Result<worker::Registry> registry = registry_with_bootstrap(context.workers, configuration->settings);
  if (!registry) return complain(registry.error());
  const Result<service::QueueConfig> queue = queue_named(*config, *arguments.text("QUEUE"), *registry);
  if (!queue) return complain(queue.error());

  // A worker that does not read what it is sent must not end us.
  ::signal(SIGPIPE, SIG_IGN);
  OneJob one;
  if (Result<> prepared = one.prepare(*queue, *registry, config->kill_grace); !prepared)
    return complain(prepared.error());
  worker::Job job;
  job.queue = queue->name;
  job.body = body;
  job.process_timeout = queue->job_process_timeout;
  const worker::Outcome outcome = one.run(std::move(job));
  const bool is_ok = outcome.kind == worker::Outcome::Kind::ok;
  if (context.json) {
    print_json(boost::json::object{
        {"done", is_ok}, {"result", json_text(outcome.result)}, {"reason", json_text(outcome.reason)}});
  } else if (is_ok && !outcome.result.empty()) {
    print(outcome.result.back() == '\n' ? outcome.result : outcome.result + "\n");
  }
  if (is_ok) return kDone;
  log::error("the job failed: " + outcome.reason, {{"queue", queue->name}});
  return kFailed;
}

}  // namespace coworker::app
