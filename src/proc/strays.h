#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

/// Processes that left their group (by setsid, as daemons do). When their parents die they come to the nearest
/// ancestor that adopts orphans, and are known there by a variable of the environment they were started with.
/// Not found are those that wiped their environment, and those of an adopter that is dead itself.
namespace coworker::proc {

/// From now on orphaned descendants become children of this process, which must then look for them.
void adopt_orphans();

std::vector<pid_t> own_children();

/// Kills the children of this process that were started with this value of the variable (empty: any), and reaps all
/// orphans that are dead. Returns how many still run; each may leave children of its own, so call again until it is 0.
std::size_t kill_strays(const std::string& variable, const std::string& value);

}  // namespace coworker::proc
