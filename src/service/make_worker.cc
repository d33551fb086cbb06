#include "service/make_worker.h"

#include <fmt/format.h>

#include "base/build.h"
#include "proc/launch.h"
#include "proc/program.h"
#include "service/run.h"
#include "worker/command_worker.h"
#include "worker/http_worker.h"
#include "worker/inline_worker.h"
#include "worker/isolated_worker.h"
#include "worker/json_conversation.h"
#include "worker/pipe_worker.h"

namespace coworker::service {
namespace {

using Made = Result<std::unique_ptr<worker::Worker>>;

std::vector<std::string> environment_of(const WorkerConfig& config) {
  std::vector<std::string> environment = proc::own_environment();
  for (const auto& [name, value] : config.environment) proc::set_variable(environment, name, value);
  return environment;
}

worker::ProcessOptions process_options(const WorkerConfig& config, const WorkerParts& parts) {
  worker::ProcessOptions options;
  options.command = config.command;
  options.directory = config.directory;
  options.environment = environment_of(config);
  options.limits.memory = config.memory;
  options.grace = parts.kill_grace;
  options.keeper = parts.keeper;
  return options;
}

Made make_registered(const QueueConfig& queue, const WorkerParts& parts) {
  const worker::Handler* handler = parts.registry.find(queue.worker.name);
  if (handler == nullptr) return tl::unexpected{not_registered(queue)};
  if (queue.worker.kind == WorkerKind::inline_worker) {
    return std::make_unique<worker::InlineWorker>(parts.loop, parts.threads, *handler, parts.kill_grace);
  }
  const Result<int> program = proc::own_program();
  if (!program) return tl::unexpected{program.error()};
  worker::ProcessOptions options = process_options(queue.worker, parts);
  options.program = *program;
  options.command = {"coworker", kIsolatedWord, build_id(), parts.registry.library(), queue.worker.name};
  return std::make_unique<worker::IsolatedWorker>(parts.loop, std::move(options));
}

Made make_pipe(const WorkerConfig& config, const WorkerParts& parts) {
  const PoolConfig& pool = config.pool;
  const worker::PoolLimits limits{pool.count, pool.requests, pool.lifetime, pool.idle, pool.max_memory};
  return std::make_unique<worker::PipeWorker>(
      parts.loop, process_options(config, parts), limits,
      [](const auto&, auto&) { return std::make_unique<worker::JsonConversation>(); });
}

}  // namespace

Error not_registered(const QueueConfig& queue) {
  return Error{
      Errc::not_found,
      fmt::format("queue '{}': this program has no worker '{}'. C++ workers come from a library (bootstrap:) or "
                  "from a program of your own; code in another language runs as type command, a program per "
                  "job, or pipe, a program that takes one job after another",
                  queue.name, queue.worker.name)};
}

Made make_worker(const QueueConfig& queue, const WorkerParts& parts) {
  switch (queue.worker.kind) {
    case WorkerKind::command:
      return std::make_unique<worker::CommandWorker>(parts.loop, process_options(queue.worker, parts));
    case WorkerKind::inline_worker:
    case WorkerKind::isolated:
      return make_registered(queue, parts);
    case WorkerKind::pipe:
      return make_pipe(queue.worker, parts);
    case WorkerKind::http: {
      const HttpConfig& http = queue.worker.http;
      return worker::HttpWorker::make(parts.loop, {http.address, http.method, http.headers, http.replaced,
                                                   http.redirects, http.response_limit, http.authorities});
    }
  }
  return fail(Errc::internal, "a worker of an unknown type");
}

}  // namespace coworker::service
