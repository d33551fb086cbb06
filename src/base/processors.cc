#include "base/processors.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

namespace coworker {
namespace {

/// 0: no limit.
int quota_in(const std::string& file) {
  std::ifstream in{file};
  double quota = 0;
  double period = 0;
  // "max 100000" where there is none.
  if (!(in >> quota >> period) || quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, 1e6));
}

}  // namespace

int processors_of_quota(const std::string& membership, const std::string& mount) {
  int least = 0;
  std::ifstream groups{membership};
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::/")) continue;
    for (std::string path = line.substr(3);; path.erase(path.rfind('/'))) {
      const int quota = quota_in(mount + path + "/cpu.max");
      if (quota > 0) least = least == 0 ? quota : std::min(least, quota);
      if (path.find('/') == std::string::npos) break;
    }
  }
  return least;
}

int usable_processors_now() {
  cpu_set_t set;
  // It fails where there are more than the set has room for.
  const bool is_known = ::sched_getaffinity(0, sizeof set, &set) == 0;
  const int count = std::max(1, is_known ? CPU_COUNT(&set) : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  const int quota = processors_of_quota("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota == 0 ? count : std::min(count, quota);
}

}  // namespace coworker
