#pragma once

#include <string_view>

namespace coworker::net::resp {

/// Whether `text` matches `pattern`: `*` any bytes, `?` one, `[a-c]` and `[^a-c]` one of a set, `\` takes the
/// next byte as it is. ASCII letters match in either case. Takes time proportional to the product of both.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace coworker::net::resp
