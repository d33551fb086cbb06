#pragma once

#include <string>

namespace coworker::app {

/// docs/configuration.md: every key of the table, with kind, default and meaning. A test holds the committed file
/// to it; `coworker config docs` prints it.
std::string config_docs();

}  // namespace coworker::app
