#pragma once

#include <string>

namespace coworker {

/// How many processors this process may use: those it may run on, and the share of its control group; at least 1.
int usable_processors_now();

/// What the quotas of a control group (version 2) and of those above it allow, in whole processors, at least 1; 0: they
/// say nothing. `membership` is like /proc/self/cgroup, `mount` like /sys/fs/cgroup.
int processors_of_quota(const std::string& membership, const std::string& mount);

}  // namespace coworker
