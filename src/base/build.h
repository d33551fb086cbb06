#pragma once

#include <string>
#include <string_view>

namespace coworker {

/// The version of this source: "0.1.0".
std::string_view version() noexcept;

/// What the running program was linked from, as 40 hex digits: two programs with the same id hold the
/// same code. Empty when it was linked without a build id.
std::string build_id();

}  // namespace coworker
