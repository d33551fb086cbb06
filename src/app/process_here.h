#pragma once

#include <string>

#include "base/error.h"
#include "service/config.h"
#include "worker/job.h"
#include "worker/registry.h"

namespace coworker::app {

/// Runs `job` (its queue, body and metadata are taken) at once in this process, with the worker that its queue has in
/// the configuration, else with the registered worker of the queue's name: under the same contract as in the
/// background, as its first attempt, and without a store. It is not repeated and goes to no failure queue.
///
/// not_found when there is no worker for the queue. From now on SIGPIPE is ignored. Ends the process where a C++ worker
/// does not return although its time is up: a thread cannot be ended.
Result<worker::Outcome> process_here(const service::Config& config, const worker::Registry& registry, worker::Job job);

}  // namespace coworker::app
