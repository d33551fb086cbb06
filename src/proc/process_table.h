#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coworker::proc {

/// One row of /proc.
struct ProcessRow {
  pid_t pid = 0;
  char state = '?';  // 'Z' and 'X' are dead
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start = 0;  // clock ticks after boot: with the pid, this names a process for ever

  bool dead() const noexcept { return state == 'Z' || state == 'X'; }
};

/// The text of /proc/PID/stat; nullopt when it has another shape.
std::optional<ProcessRow> parse_stat(const std::string& text);

/// nullopt: there is no such process.
std::optional<ProcessRow> find_process(pid_t pid);

/// All processes seen in one walk; those that start or end meanwhile may be missing.
std::vector<ProcessRow> list_processes();

/// The value of a variable in the environment a process was started with; nullopt also when we may not look.
std::optional<std::string> started_with(pid_t pid, const std::string& variable);

}  // namespace coworker::proc
