#pragma once

#include <cstddef>
#include <string_view>

namespace coworker {

/// The length of the well-formed UTF-8 sequence that `text` begins with; 0: none.
std::size_t utf8_length(std::string_view text);

/// Where `text` stops being UTF-8; its size when it never does.
std::size_t first_not_utf8(std::string_view text);

}  // namespace coworker
