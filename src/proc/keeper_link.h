#pragma once

#include <sys/types.h>

namespace coworker::proc {

/// Tells the keeper at the other end of `keeper` that this group is confirmed dead. A keeper that is gone
/// needs not to know.
void tell_dead(int keeper, pid_t group);

}  // namespace coworker::proc
