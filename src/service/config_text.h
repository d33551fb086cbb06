#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "service/config.h"

namespace coworker::service {

/// What a consumer is told at its start: the configuration of its group (see of_group), and the build id of the
/// supervisor, which must be its own.
struct Assignment {
  Config config;
  std::string build;
};

/// As JSON, for the way from the supervisor to a consumer; both are the same program, so it may change freely. Says all
/// that a consumer does differently, and no more: with equal texts a running consumer need not be replaced.
std::string to_text(const Assignment& assignment);
Result<Assignment> parse_assignment(std::string_view text);

}  // namespace coworker::service
