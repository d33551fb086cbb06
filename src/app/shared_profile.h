#pragma once

#include "app/command.h"
#include "app/configuration.h"
#include "coworker/profile.h"

namespace coworker::app {

/// A shared worker that a command was told: by its address, or by a name of the configuration's `shared:`.
struct SharedTarget {
  std::string address;
  std::string worker{};                // to be started, if anything
  std::vector<std::string> command{};  // else this program
  Profile profile{};
};

/// Whose certificate the flags --tls-certificate and --tls-key are.
enum class Side { master, worker };

/// Of the arguments ADDRESS, --cookie-file, --admin-cookie, --worker, --arguments, --output, --drain, --insecure,
/// --tls-… and COMMAND, as far as the command has them.
Result<SharedTarget> shared_target(const Arguments& arguments, Side side = Side::master);

/// All of the configuration.
Result<std::vector<std::pair<std::string, SharedTarget>>> configured_shared(const Settings& settings);

/// --timeout of the arguments.
Result<Millis> timeout_of(const Arguments& arguments, Millis usual);

}  // namespace coworker::app
