#pragma once

#include "app/broker.h"
#include "app/settings.h"
#include "base/error.h"

namespace coworker::app {

/// The `broker:` section for the store of the configuration, which must be a
/// directory.
Result<BrokerOptions> broker_options(const Settings& settings);

}  // namespace coworker::app
