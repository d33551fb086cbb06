#include "app/daemon_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace coworker::app {
namespace {

struct DaemonFlag {
  char letter;
  std::string_view name;
  bool DaemonArguments::* value;
  std::string_view text;
};

constexpr std::array kFlags{
    DaemonFlag{'d', "daemon", &DaemonArguments::daemon, "Run in the background"},
    DaemonFlag{'f', "foreground", &DaemonArguments::foreground, "Run here"},
    DaemonFlag{'v', "verbose", &DaemonArguments::verbose, "With -f: show the log here"},
    DaemonFlag{'s', "hardstart", &DaemonArguments::hardstart, "First remove what a dead one left: pid file and socket"},
    DaemonFlag{'h', "help", &DaemonArguments::help, "Show this"},
};

tl::unexpected<Error> unknown(std::string_view word) {
  return fail(Errc::invalid_argument, fmt::format("unknown argument '{}'", word));
}

template <class Is>
bool take(DaemonArguments& arguments, Is is) {
  const auto flag = std::find_if(kFlags.begin(), kFlags.end(), is);
  if (flag == kFlags.end()) return false;
  arguments.*flag->value = true;
  return true;
}

}  // namespace

Result<DaemonArguments> parse_daemon_arguments(const std::vector<std::string>& words) {
  DaemonArguments arguments;
  for (const std::string& word : words) {
    if (word.starts_with("--")) {
      const bool known = take(arguments, [&](const DaemonFlag& flag) { return word.substr(2) == flag.name; });
      if (!known) return unknown(word);
      continue;
    }
    if (!word.starts_with('-') || word.size() < 2) return unknown(word);
    for (const char letter : word.substr(1)) {
      const bool known = take(arguments, [&](const DaemonFlag& flag) { return letter == flag.letter; });
      if (!known) return unknown(word);
    }
  }
  return arguments;
}

std::string daemon_usage(std::string_view description, std::string_view program) {
  std::string text = fmt::format("{}\n\nUsage: {} (-d | -f [-v]) [-s]\n\n", description, program);
  for (const DaemonFlag& flag : kFlags) {
    text += fmt::format("  -{}, --{:<12} {}\n", flag.letter, flag.name, flag.text);
  }
  text += fmt::format("\nExample:\n  {} -d\n\nExit codes: 0 done, 1 failed, 2 wrong usage.\n", program);
  return text;
}

}  // namespace coworker::app
