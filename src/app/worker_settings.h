#pragma once

#include "app/settings.h"
#include "service/config.h"
#include "worker/registry.h"

namespace coworker::app {

/// What runs the jobs of a queue. An error names the file and line of what does not fit together.
Result<service::WorkerConfig> worker_config(const Settings& settings, const Settings::Entry& queue);

/// Whether this program has the C++ workers that are configured; not_found names the first that it has not.
Result<> check_workers(const service::Config& config, const Settings& settings, const worker::Registry& registry);

}  // namespace coworker::app
