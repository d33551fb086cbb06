#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

/// Small files, and what comes through descriptors, as a whole. Blocking; any thread.
namespace coworker {

/// All that is to be read, up to the end.
Result<std::string> read_all(int fd, std::size_t most = 64u << 20);
Result<> write_all(int fd, std::string_view content);

/// A file in memory with this content, to be read from its beginning; `name` is for /proc. Close-on-exec. Rather than a
/// pipe where it goes to another process: nobody has to feed it, and who does not read it hurts nobody.
Result<Fd> memory_file(const char* name, std::string_view content);

/// Errors: not_found, invalid_argument when it is larger than `most` bytes, else what the system says.
Result<std::string> read_file(const std::string& path, std::size_t most = 64u << 20);

/// Afterwards the file has this content, or after an error or a power cut the one it had before. A file that was there
/// keeps its mode, and a symbolic link still points to it; a new one gets `mode`. The folder must exist. One writer
/// at a time: the new content is first written to "PATH.new". With Sync::no a power cut may take both.
enum class Sync { yes, no };
Result<> replace_file(const std::string& path, std::string_view content, mode_t mode = 0644, Sync sync = Sync::yes);

/// The first line, without its end, of a file that holds a password or a cookie. Warns when others can read it; an
/// empty line is invalid_argument.
Result<std::string> read_secret(const std::string& path);

}  // namespace coworker
