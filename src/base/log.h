#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

/// One line per event, to standard error or a file, as text or as JSON. A line leaves in one write(2) to a
/// descriptor in append mode, so that processes and threads may share a file and no line is torn.
///
/// Thread safety: everything here may be called from any thread, except `configure`, `reopen` and
/// `set_role`, which belong to its main thread. Nothing here fails: what cannot be written is lost.
namespace coworker::log {

enum class Level : std::uint8_t { debug, info, warning, error, critical };
enum class Format : std::uint8_t { text, json };

struct Options {
  Level level = Level::info;
  Format format = Format::text;
  std::string file;  // empty: standard error
};

/// What a line says beside its text; in JSON members of their own, in text ` name=value` at the end.
struct Field {
  std::string_view name;
  std::string_view value;
};
using Fields = std::initializer_list<Field>;

/// Takes effect for all lines after it. An error (the file cannot be opened) leaves the log as it was.
Result<> configure(const Options& options);

/// Opens the file again, for who has moved it away; no file: nothing. When it cannot be opened the old one stays in
/// use, and says so.
void reopen();

/// Which part of the system this process is ("broker", "consumer"), shown in each line with the process id.
void set_role(std::string_view role);

bool enabled(Level level) noexcept;

void write(Level level, std::string_view text, Fields fields = {});

inline void debug(std::string_view text, Fields fields = {}) {
  write(Level::debug, text, fields);
}
inline void info(std::string_view text, Fields fields = {}) {
  write(Level::info, text, fields);
}
inline void warning(std::string_view text, Fields fields = {}) {
  write(Level::warning, text, fields);
}
inline void error(std::string_view text, Fields fields = {}) {
  write(Level::error, text, fields);
}
inline void critical(std::string_view text, Fields fields = {}) {
  write(Level::critical, text, fields);
}

std::string_view to_string(Level level) noexcept;
std::optional<Level> parse_level(std::string_view text) noexcept;

/// The line without its end, as `write` would write it; `wall_ms` is milliseconds since the Unix epoch (UTC).
std::string format_line(Format format, std::int64_t wall_ms, Level level, std::string_view role, int pid,
                        std::string_view text, Fields fields);

}  // namespace coworker::log
