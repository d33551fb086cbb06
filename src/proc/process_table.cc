#include "proc/process_table.h"

#include <dirent.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/file.h"

namespace coworker::proc {
namespace {

std::string path_of(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

std::optional<ProcessRow> parse_stat(const std::string& text) {
  ProcessRow row;
  row.pid = static_cast<pid_t>(std::atol(text.c_str()));
  // The name, in parentheses, may itself hold blanks and parentheses.
  const std::size_t name_end = text.rfind(')');
  if (row.pid <= 0 || name_end == std::string::npos) return std::nullopt;
  int parent = 0;
  int group = 0;
  int session = 0;
  unsigned long long start = 0;
  const int fields = std::sscanf(text.c_str() + name_end + 1,
                                 " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                                 &row.state, &parent, &group, &session, &start);
  if (fields != 5) return std::nullopt;
  row.parent = parent;
  row.group = group;
  row.session = session;
  row.start = start;
  return row;
}

std::optional<ProcessRow> find_process(pid_t pid) {
  const Result<std::string> text = read_file(path_of(pid, "stat"));
  return text ? parse_stat(*text) : std::nullopt;
}

std::vector<ProcessRow> list_processes() {
  std::vector<ProcessRow> rows;
  const std::unique_ptr<DIR, CloseDirectory> directory{::opendir("/proc")};
  if (!directory) return rows;
  while (const dirent* entry = ::readdir(directory.get())) {
    const pid_t pid = static_cast<pid_t>(std::atol(entry->d_name));
    if (pid <= 0) continue;
    if (std::optional<ProcessRow> row = find_process(pid)) rows.push_back(*row);
  }
  return rows;
}

std::optional<std::string> started_with(pid_t pid, const std::string& variable) {
  const Result<std::string> text = read_file(path_of(pid, "environ"));
  if (!text) return std::nullopt;
  const std::string prefix = variable + "=";
  for (std::size_t start = 0; start < text->size();) {
    const std::size_t end = std::min(text->find('\0', start), text->size());
    if (text->compare(start, prefix.size(), prefix) == 0) {
      return text->substr(start + prefix.size(), end - start - prefix.size());
    }
    start = end + 1;
  }
  return std::nullopt;
}

}  // namespace coworker::proc
