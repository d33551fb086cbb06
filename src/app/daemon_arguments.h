#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace coworker::app {

/// What was typed after the name of a program that is a Daemon.
struct DaemonArguments {
  bool daemon = false;  // wins over foreground
  bool foreground = false;
  bool verbose = false;
  bool hardstart = false;
  bool help = false;

  /// Neither a way to run nor a wish for help is a wish for help, too.
  bool wants_usage() const { return help || (!daemon && !foreground); }
};

/// -d -f -v -s -h, also together as in -fv, and their long names. Anything else is invalid_argument.
Result<DaemonArguments> parse_daemon_arguments(const std::vector<std::string>& words);

std::string daemon_usage(std::string_view description, std::string_view program);

}  // namespace coworker::app
