#pragma once

#include <memory>

#include "coworker/worker_factory.h"
#include "proc/spawn.h"
#include "worker/master_line.h"

namespace coworker::worker {

/// The process of a dedicated worker, on its master's side.
class DedicatedProcess {
 public:
  explicit DedicatedProcess(proc::Process process, Millis grace) : process_{std::move(process)}, grace_{grace} {}
  /// As close.
  ~DedicatedProcess();

  long pid() const noexcept { return process_.pid; }
  /// Waits for its end, which is helped along; its channel must be closed. Later calls tell the same again.
  const WorkerEnd& close();

 private:
  bool wait(Millis limit) const;

  proc::Process process_;
  Millis grace_;
  std::optional<WorkerEnd> end_;
};

struct Started {
  std::unique_ptr<DedicatedProcess> process;
  std::unique_ptr<MasterLine> line;
};

/// A worker of the name in the profile's program, or `command`; it has not announced itself yet.
Answer<Started> start_dedicated(const Profile& profile, const std::string& name,
                                const std::vector<std::string>& command);

/// What the profile says of any process, without descriptors and arguments. `output` is to stay open until the start.
Answer<proc::Launch> launch_of(const Profile& profile, Fd& output);

}  // namespace coworker::worker
