#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <filesystem>

#include "base/fd.h"
#include "base/time.h"

namespace coworker::log {
namespace {

constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warning", "error", "critical"};

std::atomic<Level> g_level{Level::info};
std::atomic<Format> g_format{Format::text};
std::atomic<int> g_fd{STDERR_FILENO};

// Set at the start of the program, before a second thread reads it.
std::string& role_text() {
  static std::string role{"coworker"};
  return role;
}

void append_number(std::string& out, std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

void append_time(std::string& out, std::int64_t wall_ms) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  append_number(out, parts.tm_year + 1900, 4);
  out += '-';
  append_number(out, parts.tm_mon + 1, 2);
  out += '-';
  append_number(out, parts.tm_mday, 2);
  out += 'T';
  append_number(out, parts.tm_hour, 2);
  out += ':';
  append_number(out, parts.tm_min, 2);
  out += ':';
  append_number(out, parts.tm_sec, 2);
  out += '.';
  append_number(out, wall_ms % 1000, 3);
  out += 'Z';
}

// Control characters are escaped in both formats: a job's text cannot forge a line of its own.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else if (quotes && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

void append_json(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  append_escaped(out, name, true);
  out += "\":\"";
  append_escaped(out, value, true);
  out += '"';
}

std::string json_line(std::int64_t wall_ms, Level level, std::string_view role, int pid, std::string_view text,
                      Fields fields) {
  std::string out{"{\"time\":\""};
  append_time(out, wall_ms);
  out += '"';
  append_json(out, "level", to_string(level));
  append_json(out, "role", role);
  out += ",\"pid\":" + std::to_string(pid);
  append_json(out, "text", text);
  for (const Field& field : fields) append_json(out, field.name, field.value);
  out += '}';
  return out;
}

std::string& file_name() {
  static std::string name;
  return name;
}

/// The folder is made if it is missing.
Result<> use_file(const std::string& name) {
  if (name.empty() && g_fd == STDERR_FILENO) return {};
  std::error_code ignored;  // opening it will say
  if (!name.empty()) std::filesystem::create_directories(std::filesystem::path{name}.parent_path(), ignored);
  Fd file{name.empty() ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                       : ::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
  if (!file) return fail_errno(errno, "open the log '" + name + "'");
  if (g_fd == STDERR_FILENO) {
    g_fd = file.release();
    return {};
  }
  // In one step: another thread may be about to write to it.
  if (::dup3(file.get(), g_fd, O_CLOEXEC) < 0) return fail_errno(errno, "open the log '" + name + "'");
  return {};
}

}  // namespace

std::string_view to_string(Level level) noexcept {
  return kLevels[static_cast<std::size_t>(level)];
}

std::optional<Level> parse_level(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i] == text) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string format_line(Format format, std::int64_t wall_ms, Level level, std::string_view role, int pid,
                        std::string_view text, Fields fields) {
  if (format == Format::json) return json_line(wall_ms, level, role, pid, text, fields);
  std::string out;
  append_time(out, wall_ms);
  out.append(" ").append(to_string(level)).append(" ").append(role).append("[");
  out.append(std::to_string(pid)).append("]: ");
  append_escaped(out, text, false);
  for (const Field& field : fields) {
    out.append(" ").append(field.name).append("=");
    append_escaped(out, field.value, false);
  }
  return out;
}

Result<> configure(const Options& options) {
  if (Result<> opened = use_file(options.file); !opened) return opened;
  file_name() = options.file;
  g_level = options.level;
  g_format = options.format;
  return {};
}

void reopen() {
  if (file_name().empty()) return;
  if (const Result<> opened = use_file(file_name()); !opened) error(opened.error().message());
}

void set_role(std::string_view role) {
  role_text() = role;
}

bool enabled(Level level) noexcept {
  return level >= g_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view text, Fields fields) {
  if (!enabled(level)) return;
  std::string line = format_line(g_format, wall_millis(), level, role_text(), ::getpid(), text, fields);
  line += '\n';
  const int saved = errno;
  while (::write(g_fd, line.data(), line.size()) < 0 && errno == EINTR) {
  }
  errno = saved;
}

}  // namespace coworker::log
