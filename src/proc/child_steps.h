#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>

/// What a child does between clone and exec, in this order:
///
///   group         setpgid(0, 0) or setsid
///   register      one message to the keeper; from here on nothing of the group can outlive its owner
///   limits        setrlimit
///   identity      groups, gid, uid (raw: the C library's wrappers would signal the parent's threads)
///   parent death  after the identity, whose change clears it; then is the parent still there?
///   signals       default dispositions
///   descriptors   the given ones to 0…n-1, close-on-exec on all others
///   directory     chdir
///   exec          with an empty signal mask
///
/// The child runs in the parent's memory on a stack of its own while the parent's thread is suspended, so it may
/// only make system calls and write to its plan. It takes no lock and allocates nothing.
namespace coworker::proc {

enum class Step : int { none, group, registration, limits, identity, parent_death, descriptors, directory, exec };

struct LimitStep {
  int resource;
  rlimit value;
};

/// Everything the child needs, laid out before clone. Pointers lead into the parent's memory.
struct ChildPlan {
  bool session = false;
  int keeper = -1;
  LimitStep* limits = nullptr;
  std::size_t limit_count = 0;
  bool identity = false;
  uid_t user = 0;
  gid_t group = 0;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  pid_t parent = 0;    // 0: may outlive it
  int* fds = nullptr;  // changed by the child
  std::size_t fd_count = 0;
  const char* directory = nullptr;
  int program = -1;
  const char* const* candidates = nullptr;  // paths to try, null-terminated; unless program >= 0
  char* const* argv = nullptr;
  char* const* environment = nullptr;

  Step failed = Step::none;  // set by the child
  int error = 0;
};

/// The child's entry; does not return. `plan` is a ChildPlan.
int child_main(void* plan);

}  // namespace coworker::proc
