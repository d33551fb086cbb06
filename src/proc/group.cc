#include "proc/group.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "proc/process_table.h"

namespace coworker::proc {

bool signal_group(pid_t group, int number) {
  // 0 and 1 would mean our own group, and everybody.
  return group > 1 && ::kill(-group, number) == 0;
}

std::vector<pid_t> running_members(pid_t group) {
  std::vector<pid_t> out;
  for (const ProcessRow& row : list_processes()) {
    if (row.group == group && !row.dead()) out.push_back(row.pid);
  }
  return out;
}

bool group_runs(pid_t group) {
  if (group <= 1) return false;
  if (::kill(-group, 0) < 0 && errno == ESRCH) return false;
  if (!running_members(group).empty()) return true;
  // An empty walk proves something only where walks work.
  return !find_process(::getpid()).has_value();
}

bool kill_group(pid_t group, Millis deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (Millis pause{1};; pause = std::min(pause * 2, Millis{20})) {
    signal_group(group, SIGKILL);
    if (!group_runs(group)) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace coworker::proc
