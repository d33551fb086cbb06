#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

/// How values are written in configuration files, environment variables and flags. Each function takes the whole
/// text or refuses it with invalid_argument and a message that quotes it and says what would be right.
namespace coworker::app {

/// `250ms`, `10s`, `5m`, `2h`, `30d`, with a fraction if wanted (`1.5h`); a bare number is seconds. At most 100
/// years, so that a moment computed from it cannot overflow.
Result<Millis> parse_duration(std::string_view text);

/// `4096`, `64K`, `512M`, `2G`: bytes, in steps of 1024.
Result<std::uint64_t> parse_size(std::string_view text);

/// A decimal integer of the range.
Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                                   std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// `true`, `yes`, `on`, `false`, `no`, `off`, in lower case.
Result<bool> parse_boolean(std::string_view text);

/// Words as a POSIX shell would split them: blanks separate, '…', "…" and \ quote. Nothing is expanded.
Result<std::vector<std::string>> split_words(std::string_view text);

/// The shortest way to write it that parse_duration reads: "250ms", "90s", "30d".
std::string write_duration(Millis duration);

/// The candidate that `text` was probably meant to be: few letters differ; dashes and underscores count as the same.
/// Empty when none is near.
std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace coworker::app
