#include "proc/children.h"

namespace coworker::proc {

Children& Children::of_this_process() {
  // Never destroyed: the spawning thread ends with the process.
  static Children* const children = new Children;
  return *children;
}

void Children::end_start(pid_t pid) {
  const std::lock_guard lock{mutex_};
  if (pid > 0) started_.insert(pid);
  --starting_;
}

void Children::forget(pid_t pid) {
  const std::lock_guard lock{mutex_};
  started_.erase(pid);
}

bool Children::is_orphan(pid_t pid) const {
  const std::lock_guard lock{mutex_};
  return starting_ == 0 && !started_.contains(pid);
}

}  // namespace coworker::proc
