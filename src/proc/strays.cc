#include "proc/strays.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>

#include "proc/children.h"
#include "proc/process_table.h"

namespace coworker::proc {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The way without a walk through all processes; false where the kernel was built without it.
bool read_children(std::vector<pid_t>& out) {
  const std::unique_ptr<DIR, CloseDirectory> tasks{::opendir("/proc/self/task")};
  if (!tasks) return false;
  bool any = false;
  while (const dirent* task = ::readdir(tasks.get())) {
    if (task->d_name[0] == '.') continue;
    std::ifstream file{std::string{"/proc/self/task/"} + task->d_name + "/children"};
    any = any || file.is_open();
    for (pid_t pid = 0; file >> pid;) out.push_back(pid);
  }
  return any;
}

}  // namespace

void adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

std::vector<pid_t> own_children() {
  std::vector<pid_t> out;
  if (read_children(out)) return out;
  const pid_t self = ::getpid();
  for (const ProcessRow& row : list_processes()) {
    if (row.parent == self) out.push_back(row.pid);
  }
  return out;
}

std::size_t kill_strays(const std::string& variable, const std::string& value) {
  const Children& children = Children::of_this_process();
  std::size_t running = 0;
  for (const pid_t pid : own_children()) {
    const std::optional<ProcessRow> row = find_process(pid);
    if (!row) continue;
    if (row->dead()) {
      if (children.is_orphan(pid)) ::waitpid(pid, nullptr, WNOHANG);
      continue;
    }
    const std::optional<std::string> found = started_with(pid, variable);
    if (!found || (!value.empty() && *found != value)) continue;
    ::kill(pid, SIGKILL);
    ++running;
  }
  return running;
}

}  // namespace coworker::proc
