#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace coworker::proc {

/// A file that holds the id of the one process that may run under its name. Held is a lock on it, which ends with that
/// process in whatever way: so what a killed one left is known to be a leftover, and a second one is refused and
/// changes nothing.
///
/// Removed when this is destroyed in the process that wrote its id into it.
class PidFile {
 public:
  /// What else may stand there and be overwritten.
  enum class Leftover {
    pid,       // nothing, or the id of a process that does not hold it any more
    anything,  // of a file that nobody holds
  };

  PidFile() = default;  // of nothing
  ~PidFile();
  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&& other) noexcept;

  /// Takes the lock, for this process and those that it forks. Errors: conflict names the process that has it;
  /// invalid_argument for what is no such file.
  static Result<PidFile> take(const std::string& path, Leftover leftover = Leftover::pid);

  /// Says that it is this process which runs.
  Result<> write();

  const std::string& path() const noexcept { return path_; }

 private:
  void remove() noexcept;

  std::string path_;  // absolute
  Fd file_;
  int writer_ = 0;  // process id
};

}  // namespace coworker::proc
