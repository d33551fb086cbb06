#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace coworker::proc {

/// What the kernel shall hold a process to; zero: as inherited.
struct Limits {
  std::uint64_t memory = 0;             // bytes of private memory it may map (RLIMIT_DATA): allocation fails beyond
  Seconds cpu{0};                       // SIGXCPU after this much CPU time, SIGKILL a second later
  std::uint64_t open_files = 0;         // descriptors
  std::optional<std::uint64_t> core{};  // bytes of a core file
};

/// Who the process runs as; needs the privilege to become that.
struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups{};  // the supplementary ones, complete
};

enum class Grouping : std::uint8_t {
  own_group,    // of the caller's session
  own_session,  // and no terminal
};

/// A program to start, as one value. Nothing is inherited but what is named here, and what exec keeps.
struct Launch {
  std::vector<std::string> argv{};         // argv[0] without a slash is searched in the PATH of `environment`
  int program = -1;                        // >= 0: this descriptor is executed, and argv[0] is only the name shown
  std::vector<std::string> environment{};  // "NAME=value", complete
  std::string directory{};                 // empty: the caller's
  std::vector<int> fds{};                  // its descriptors 0, 1, 2, …; -1, and 0 to 2 when not given: /dev/null
  Limits limits{};
  std::optional<Identity> identity{};
  Grouping grouping = Grouping::own_group;
  bool dies_with_parent = true;  // SIGKILL when this process ends, in whatever way
  int keeper = -1;               // a keeper's connection: the group is registered there before exec
};

/// The environment of this process, as Launch wants it.
std::vector<std::string> own_environment();

/// Replaces NAME in a list of "NAME=value", or adds it.
void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value);

/// Its value in such a list; empty also when it is not there.
std::string variable(const std::vector<std::string>& environment, const std::string& name);

}  // namespace coworker::proc
