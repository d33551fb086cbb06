#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace coworker::worker {

/// What a kill switch says. All false and empty: everything may run.
struct Switched {
  bool global = false;                 // no shared worker may start
  bool work = false;                   // consumers and loop workers begin nothing new
  std::vector<std::string> addresses;  // of shared workers that may not start; each once, as it was given

  /// Whether the shared worker at `address` may not start. `unix:PATH` and `unix://PATH` are the same address.
  bool disables(std::string_view address) const;

  /// Each address once, whichever way it is written; an absent one to enable is no error.
  void disable(const std::string& address);
  void enable(const std::string& address);
};

/// A file that stops things from being started, so that a deployment can hold everything with one switch:
///
///     {"global": false, "work": false, "addresses": ["unix:///run/app/counter.sock"]}
///
/// Members of other names stay as they are. `global` and `addresses` are those of EXSyst Worker's file. A file that is
/// not there disables nothing; one that cannot be understood is `corrupt` and never taken for "nothing disabled".
///
/// Thread safety: none; several processes may edit the same file.
class KillSwitch {
 public:
  explicit KillSwitch(std::string path) : path_{std::move(path)} {}

  const std::string& path() const { return path_; }

  Result<Switched> read() const;

  /// One transaction: others see all of it or nothing, also after a power cut. Waits for another editor. The folder is
  /// made if there is none.
  Result<Switched> edit(const std::function<void(Switched&)>& change) const;

 private:
  std::string path_;
};

}  // namespace coworker::worker
