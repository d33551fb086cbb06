#pragma once

#include <sys/types.h>

#include <vector>

#include "base/time.h"

namespace coworker::proc {

/// Signals every process of a group. False: the group has no process that may be signalled.
bool signal_group(pid_t group, int number);

/// Whether any process of the group still runs. Zombies do not: they hold no resource and run no code; one whose
/// new parent never reaps would else look alive for ever. Costs one system call when the group is gone, a walk of
/// /proc otherwise. Without a readable /proc whatever exists counts as running.
bool group_runs(pid_t group);

/// The processes of the group that run.
std::vector<pid_t> running_members(pid_t group);

/// SIGKILL until none of the group runs, or until the deadline (then false: for one in uninterruptible sleep, say).
bool kill_group(pid_t group, Millis deadline);

}  // namespace coworker::proc
