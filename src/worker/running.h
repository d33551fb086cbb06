#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

/// Which shared workers run on this machine. Each holds a locked file in the runtime folder of its user; a file that
/// nobody holds is of one that ended without a word, and is removed by whoever looks.
namespace coworker::worker {

struct Running {
  long pid = 0;
  std::string address;
  std::string name;
};

/// As long as the descriptor is open this process is among them.
Result<Fd> enter_running(const std::string& address, const std::string& name);

/// Those of this user; for root, of all users.
std::vector<Running> running_workers();

}  // namespace coworker::worker
