#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "coworker/methods.h"
#include "worker/registry.h"

/// The command line as data: what commands there are, and what each takes. One table (commands.cc) registers them;
/// only cli.cc knows the library that parses them.
namespace coworker::app {

/// `--name VALUE`, or `--name` alone.
struct Flag {
  std::string names;  // "-d,--delay"
  std::string value;  // "SECONDS"; empty: a switch
  std::string text;
  bool repeats = false;
};

struct Positional {
  std::string name;  // "QUEUE"
  std::string text;
  bool required = true;
  bool repeats = false;
};

/// What was typed: values of flags by their long name without dashes, of positionals by their name.
class Arguments {
 public:
  void set(std::string name, std::vector<std::string> values) { values_[std::move(name)] = std::move(values); }

  bool has(const std::string& name) const { return values_.contains(name); }
  std::optional<std::string> text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() || found->second.empty() ? std::nullopt : std::optional{found->second.back()};
  }
  std::vector<std::string> texts(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
  }

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

/// What every command gets beside its arguments.
struct Context {
  const worker::Registry& workers;  // inline workers of this program
  const Methods& methods;           // of its own for the control socket
  bool json = false;                // print JSON instead of text
};

/// Exit codes of all commands.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongUsage = 2;

struct Command {
  std::string name;     // "queue pause": the second word is a command of the first
  std::string aliases;  // "addjob"; separated by blanks
  std::string summary;
  std::string example;  // complete command lines
  std::vector<Positional> positionals;
  std::vector<Flag> flags;
  int (*run)(const Arguments& arguments, const Context& context);
  bool hidden = false;           // started by the program itself
  bool on_store = true;          // takes --store, --config and the password's flags
  const char* plugin = nullptr;  // "SHARED-WORKER": a Nagios plugin, which tells mistakes as UNKNOWN
};

/// All of them.
std::vector<Command> commands();

/// Runs what the arguments ask for; the exit code. `--version` is answered before anything else is done.
int run_cli(int argc, char** argv, const worker::Registry& workers, const Methods& methods);

/// "coworker: …" on standard error; kFailed, or kWrongUsage for invalid arguments.
int complain(const Error& error);
int complain_usage(std::string_view text);

}  // namespace coworker::app
