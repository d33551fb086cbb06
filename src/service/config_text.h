#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "service/config.h"

namespace coworker::service {

/// What a consumer is told at its start: the configuration, which of its groups it belongs to, and the build id of
/// the supervisor, which must be its own.
struct Assignment {
  Config config;
  std::size_t group = 0;  // index in config.consumers
  std::string build;
};

/// As JSON, for the way from the supervisor to a consumer; both are the same program, so it may change freely.
std::string to_text(const Assignment& assignment);
Result<Assignment> parse_assignment(std::string_view text);

}  // namespace coworker::service
