#pragma once

#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <set>

namespace coworker::proc {

/// The children of this process that spawn() started and nobody has reaped yet. Other children are orphans that were
/// adopted: they may be reaped without taking an exit code from whoever waits for it.
///
/// One for the process, as its children are. Thread safety: any thread.
class Children {
 public:
  static Children& of_this_process();

  /// Around the making of a child: between these nobody is taken for an orphan.
  void begin_start() { ++starting_; }
  void end_start(pid_t pid);  // 0: there is none

  void forget(pid_t pid);

  /// Of a child that was seen dead before this call.
  bool is_orphan(pid_t pid) const;

 private:
  std::atomic<int> starting_ = 0;
  mutable std::mutex mutex_;
  std::set<pid_t> started_;
};

}  // namespace coworker::proc
