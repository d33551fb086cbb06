#pragma once

#include <memory>

#include "async/loop.h"
#include "async/threads.h"
#include "service/config.h"
#include "worker/registry.h"
#include "worker/worker.h"

namespace coworker::service {

/// What every worker of a process is made with. All of it outlives the workers.
struct WorkerParts {
  async::Loop& loop;
  async::Threads& threads;
  const worker::Registry& registry;
  Millis kill_grace{5'000};
  int keeper = -1;  // -1: groups are not registered
};

/// Why a queue's C++ worker cannot run: this program has none of its name.
Error not_registered(const QueueConfig& queue);

/// The worker of a queue, as it is configured. not_found, naming queue and worker: no such C++ worker is registered.
Result<std::unique_ptr<worker::Worker>> make_worker(const QueueConfig& queue, const WorkerParts& parts);

}  // namespace coworker::service
