#pragma once

#include "app/settings.h"
#include "base/error.h"
#include "worker/registry.h"

namespace coworker::app {

/// The program's own workers, and those of the shared library that `bootstrap` names (else ./coworker_bootstrap.so if
/// there is one). A library that cannot be loaded, or refuses, is an error that names it.
Result<worker::Registry> registry_with_bootstrap(const worker::Registry& own, const Settings& settings);

}  // namespace coworker::app
