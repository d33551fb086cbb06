#include "proc/run_mark.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "proc/keeper_main.h"
#include "proc/process_table.h"

namespace coworker::proc {
namespace {

constexpr Millis kPause{5};

unsigned long long pid_namespace() {
  struct stat info{};
  return ::stat("/proc/self/ns/pid", &info) == 0 ? static_cast<unsigned long long>(info.st_ino) : 0;
}

}  // namespace

std::string make_run_mark() {
  const std::optional<ProcessRow> self = find_process(::getpid());
  return fmt::format("{}-{}-{}", pid_namespace(), ::getpid(), self ? self->start : 0);
}

bool run_is_over(const std::string& mark) {
  unsigned long long space = 0;
  int pid = 0;
  unsigned long long start = 0;
  int used = 0;
  if (std::sscanf(mark.c_str(), "%llu-%d-%llu%n", &space, &pid, &start, &used) != 3) return false;
  if (static_cast<std::size_t>(used) != mark.size() || space == 0 || space != pid_namespace() || start == 0)
    return false;
  const std::optional<ProcessRow> supervisor = find_process(pid);
  return !supervisor || supervisor->start != start || supervisor->dead();
}

bool is_keeper_at_work() {
  for (const ProcessRow& row : list_processes()) {
    const Result<std::string> name = read_file(fmt::format("/proc/{}/comm", row.pid));
    if (row.dead() || !name || *name != std::string{kKeeperName} + "\n") continue;
    const std::optional<std::string> mark = started_with(row.pid, kRunVariable);
    if (mark && run_is_over(*mark)) return true;
  }
  return false;
}

bool kill_leftovers(Millis deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (bool told = false;; told = true) {
    bool any = false;
    for (const ProcessRow& row : list_processes()) {
      if (row.dead()) continue;
      const std::optional<std::string> mark = started_with(row.pid, kRunVariable);
      if (!mark || !run_is_over(*mark)) continue;
      any = true;
      if (!told) log::warning(fmt::format("process {} is left of a supervisor that died, it is killed", row.pid));
      ::kill(row.pid, SIGKILL);
    }
    if (!any) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace coworker::proc
