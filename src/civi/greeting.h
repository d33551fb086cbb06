#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace coworker::civi {

/// The first thing that `Civi::pipe()` says: {"Civi::pipe":{"v":"5.81.0","t":"trusted","l":["login"]}}. Members that
/// are not known are ignored.
struct Greeting {
  std::string text;  // the object itself
  std::string version;
  bool is_trusted = false;
  bool can_log_in = false;
};

/// nullopt: the line is none. An error: it is one, of a generation of the protocol that was given up long ago. What
/// stands before the greeting in its line is skipped.
Result<std::optional<Greeting>> parse_greeting(std::string_view line);

/// Why tasks cannot be run with who greets like this.
Result<> check_greeting(const Greeting& greeting, const std::string& least_version);

}  // namespace coworker::civi
