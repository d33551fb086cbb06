#pragma once

#include <string>

#include "job/command.h"

namespace coworker::simulation {

/// One line of a told life.
std::string describe(const job::Command& command);
std::string describe(const job::Answer& answer);

}  // namespace coworker::simulation
