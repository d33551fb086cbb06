#include "service/make_worker.h"

#include <fmt/format.h>

#include "proc/launch.h"
#include "worker/command_worker.h"
#include "worker/inline_worker.h"

namespace coworker::service {
namespace {

using Made = Result<std::unique_ptr<worker::Worker>>;

std::vector<std::string> environment_of(const WorkerConfig& config) {
  std::vector<std::string> environment = proc::own_environment();
  for (const auto& [name, value] : config.environment) proc::set_variable(environment, name, value);
  return environment;
}

Made make_command(const WorkerConfig& config, const WorkerParts& parts) {
  worker::CommandWorker::Options options;
  options.command = config.command;
  options.directory = config.directory;
  options.environment = environment_of(config);
  options.limits.memory = config.memory;
  options.grace = parts.kill_grace;
  options.keeper = parts.keeper;
  return std::make_unique<worker::CommandWorker>(parts.loop, std::move(options));
}

Made make_inline(const QueueConfig& queue, const WorkerParts& parts) {
  const worker::Handler* handler = parts.registry.find(queue.worker.name);
  if (handler == nullptr) {
    return fail(Errc::not_found,
                fmt::format("queue '{}': no worker '{}' is registered", queue.name, queue.worker.name));
  }
  return std::make_unique<worker::InlineWorker>(parts.loop, parts.threads, *handler, parts.kill_grace);
}

}  // namespace

Made make_worker(const QueueConfig& queue, const WorkerParts& parts) {
  switch (queue.worker.kind) {
    case WorkerKind::command:
      return make_command(queue.worker, parts);
    case WorkerKind::inline_worker:
      return make_inline(queue, parts);
    case WorkerKind::isolated:
    case WorkerKind::http:
    case WorkerKind::pipe:
      break;
  }
  return fail(Errc::not_found, fmt::format("queue '{}': this kind of worker is not available", queue.name));
}

}  // namespace coworker::service
