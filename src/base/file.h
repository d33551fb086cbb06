#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"

/// Small files as a whole. Blocking; any thread.
namespace coworker {

/// Errors: not_found, invalid_argument when it is larger than `most` bytes, else what the system says.
Result<std::string> read_file(const std::string& path, std::size_t most = 64u << 20);

/// Afterwards the file has this content, or after an error or a power cut the one it had before. A file that was there
/// keeps its mode, and a symbolic link still points to it; a new one gets `mode`. The folder must exist. One writer
/// at a time: the new content is first written to "PATH.new".
Result<> replace_file(const std::string& path, std::string_view content, mode_t mode = 0644);

}  // namespace coworker
