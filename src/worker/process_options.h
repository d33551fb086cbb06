#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "proc/child.h"
#include "proc/launch.h"
#include "worker/job.h"

namespace coworker::worker {

/// In the environment of every process of a worker: which start it belongs to. For finding strays.
inline constexpr const char* kStartVariable = "COWORKER_START";

/// How the processes of a worker are started.
struct ProcessOptions {
  std::vector<std::string> command;      // not empty
  int program = -1;                      // see proc::Launch
  std::string directory;                 // empty: the consumer's
  std::vector<std::string> environment;  // complete
  proc::Limits limits{};
  Millis grace{5'000};       // between SIGTERM and SIGKILL
  int keeper = -1;           // see proc::Launch
  bool on_standard = false;  // of a pool: it is spoken to on its standard descriptors, see LineProcess
};

/// A process of it, in a group with a start's name of its own: what leaves the group is found by that and by no other.
proc::ChildOptions child_of(const ProcessOptions& options);

/// The same for one job: its environment names the job, and its time is limited.
proc::ChildOptions child_for(const ProcessOptions& options, const Job& job);

}  // namespace coworker::worker
