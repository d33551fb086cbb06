#include "service/config.h"

#include <algorithm>

namespace coworker::service {

std::string_view to_string(WorkerKind kind) noexcept {
  switch (kind) {
    case WorkerKind::command:
      return "command";
    case WorkerKind::inline_worker:
      return "inline";
    case WorkerKind::isolated:
      return "isolated";
    case WorkerKind::http:
      return "http";
    case WorkerKind::pipe:
      return "pipe";
  }
  return {};
}

Config of_group(const Config& config, std::size_t group) {
  Config part = config;
  part.consumers = {config.consumers.at(group)};
  const std::vector<std::string>& served = part.consumers.front().queues;
  std::erase_if(part.queues, [&](const QueueConfig& queue) {
    return std::find(served.begin(), served.end(), queue.name) == served.end();
  });
  return part;
}

}  // namespace coworker::service
