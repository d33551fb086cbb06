#pragma once

#include <string_view>

namespace coworker::civi {

/// Whether CiviCRM's `version` is `least` or later, as PHP compares versions: part by part, numbers as numbers, and
/// other text < dev < alpha < beta < rc < a number. What does not begin with a number is no version, and older than
/// all.
bool is_at_least(std::string_view version, std::string_view least);

}  // namespace coworker::civi
