#pragma once

#include <vector>

#include "app/settings.h"
#include "service/config.h"
#include "worker/registry.h"

namespace coworker::app {

/// The loop workers to run: those that the program registers, in that order, then the others of the configuration. What
/// the configuration says of a registered one wins, key by key. An error names the file and line.
Result<std::vector<service::LoopConfig>> loop_configs(const Settings& settings, const worker::Registry& registry);

}  // namespace coworker::app
