#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <span>

#include "app/command.h"
#include "app/config_value.h"
#include "app/old_names.h"
#include "app/output.h"
#include "app/secrets.h"
#include "app/worker_registry.h"
#include "base/build.h"
#include "service/run.h"

namespace coworker::app {
namespace {

/// Where the parsing library puts the values of one command.
struct Slots {
  const Command* command = nullptr;
  CLI::App* parser = nullptr;
  std::deque<std::pair<std::string, std::vector<std::string>>> lists;
  std::deque<std::pair<std::string, std::string>> texts;
  std::deque<std::pair<std::string, bool>> switches;
  std::vector<CLI::Option*> list_options, text_options;

  void add(const Flag& flag) {
    const std::string name = flag.names.substr(flag.names.find("--") + 2);
    if (flag.value.empty()) {
      parser->add_flag(flag.names, switches.emplace_back(name, false).second, flag.text);
    } else if (flag.repeats) {
      list_options.push_back(
          parser->add_option(flag.names, lists.emplace_back(name, std::vector<std::string>{}).second, flag.text));
      list_options.back()->type_name(flag.value)->allow_extra_args(false);
    } else {
      text_options.push_back(parser->add_option(flag.names, texts.emplace_back(name, "").second, flag.text));
      text_options.back()->type_name(flag.value);
    }
  }

  void add(const Positional& positional) {
    if (positional.repeats) {
      auto& slot = lists.emplace_back(positional.name, std::vector<std::string>{}).second;
      list_options.push_back(parser->add_option(positional.name, slot, positional.text));
      list_options.back()->type_name("")->required(positional.required);
    } else {
      text_options.push_back(
          parser->add_option(positional.name, texts.emplace_back(positional.name, "").second, positional.text));
      text_options.back()->type_name("")->required(positional.required);
    }
  }

  void add_to(Arguments& given) const {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      if (list_options[i]->count() > 0) given.set(lists[i].first, lists[i].second);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (text_options[i]->count() > 0) given.set(texts[i].first, {texts[i].second});
    }
    for (const auto& [name, is_on] : switches) {
      if (is_on) given.set(name, {});
    }
  }
};

const std::vector<Flag>& store_flags() {
  static const std::vector<Flag> flags{
      {"--store", "URL", "Where jobs live (default: file:./coworker-data)"},
      {"-c,--config", "FILE", "Configuration; may be given several times (default: ./coworker.yml)", true},
      {"--password-file", "FILE", "Its first line is the password for the store"},
      {"--password", "TEXT", "The password itself; others on this machine may see it, so prefer the file"},
  };
  return flags;
}

constexpr std::string_view kGroup = "Commands:";  // begin of the summary of one that only has others below it

CLI::App* parser_of(CLI::App& root, const Command& command) {
  const std::size_t blank = command.name.find(' ');
  if (blank == std::string::npos) return root.add_subcommand(command.name, command.summary);
  const std::string second = command.name.substr(blank + 1);
  const std::string first = command.name.substr(0, blank);
  const auto known = root.get_subcommands([&](const CLI::App* each) { return each->get_name() == first; });
  CLI::App* group = known.empty() ? nullptr : known.front();
  if (group == nullptr) {
    group = root.add_subcommand(first, std::string{kGroup});
    group->require_subcommand(1);
  }
  const std::string summary = group->get_description();
  if (summary.starts_with(kGroup) && !command.hidden) {
    group->description(fmt::format("{}{} {}", summary, summary == kGroup ? "" : ",", second));
  }
  return group->add_subcommand(second, command.summary);
}

void register_command(CLI::App& root, const Command& command, Slots& slots) {
  slots.command = &command;
  slots.parser = parser_of(root, command);
  for (std::size_t at = 0; at < command.aliases.size();) {
    const std::size_t end = std::min(command.aliases.find(' ', at), command.aliases.size());
    slots.parser->alias(command.aliases.substr(at, end - at));
    at = end + 1;
  }
  if (command.hidden) slots.parser->group("");
  if (!command.example.empty()) slots.parser->footer("Example:\n" + command.example);
  for (const Positional& positional : command.positionals) slots.add(positional);
  for (const Flag& flag : command.flags) slots.add(flag);
  slots.add(Flag{"--json", "", "Print JSON"});
  if (!command.on_store) return;
  const bool has_own_c = std::any_of(command.flags.begin(), command.flags.end(),
                                     [](const Flag& flag) { return flag.names.starts_with("-c,"); });
  for (Flag flag : store_flags()) {
    if (has_own_c && flag.names.starts_with("-c,")) flag.names.erase(0, 3);
    slots.add(flag);
  }
}

constexpr int kUnknown = 3;  // exit code of a Nagios plugin

// "schedule --crontab FILE next 5": the flags of a command are also those of the one below it.
int run_parsed(const std::deque<Slots>& all, const worker::Registry& workers, const Methods& methods) {
  Arguments arguments;
  const Command* command = nullptr;
  for (const Slots& slots : all) {
    if (!slots.parser->parsed()) continue;
    slots.add_to(arguments);
    command = slots.command;
  }
  if (command == nullptr) return kWrongUsage;
  try {
    return command->run(arguments, Context{workers, methods, arguments.has("json")});
  } catch (const std::exception& problem) {
    // Of libraries that the system refuses memory, threads or descriptors.
    return complain(Error{Errc::resource_exhausted, problem.what()});
  }
}

/// The nearest command's name where there is no such one; empty: there is. Words in front of it are options.
std::string unknown_command(const CLI::App& app, std::span<const std::string> words, const std::string& path) {
  const auto word = std::find_if(words.begin(), words.end(), [](const auto& each) { return !each.starts_with('-'); });
  if (word == words.end()) return {};
  std::vector<std::string_view> names;
  for (const CLI::App* each : app.get_subcommands(nullptr)) {
    if (each->check_name(*word)) {
      const std::span<const std::string> rest = words.subspan(static_cast<std::size_t>(word - words.begin()) + 1);
      return each->get_require_subcommand_min() == 0 ? "" : unknown_command(*each, rest, path + " " + *word);
    }
    if (!each->get_group().empty()) names.push_back(each->get_name());
  }
  const std::string_view near = nearest(*word, names);
  return fmt::format("there is no command '{}'{}; see {} --help", printable(*word),
                     near.empty() ? "" : fmt::format(", did you mean '{}'", near), path);
}

}  // namespace

int complain(const Error& error) {
  std::fputs(fmt::format("coworker: {}\n", error.message()).c_str(), stderr);
  return kFailed;
}

int complain_usage(std::string_view text) {
  std::fputs(fmt::format("coworker: {}\n", text).c_str(), stderr);
  return kWrongUsage;
}

int run_cli(int argc, char** argv, const worker::Registry& workers, const Methods& methods) {
  if (argc == 2 && (std::strcmp(argv[1], "--version") == 0 || std::strcmp(argv[1], "-V") == 0)) {
    std::fputs(fmt::format("coworker {}\n", version()).c_str(), stdout);
    return kDone;
  }
  // Started for each job, or again at once when it has died, so these do not wait for the table of commands.
  if (argc == 5 && std::strcmp(argv[1], service::kIsolatedWord) == 0) {
    return run_isolated({argv + 2, 3}, workers);
  }
  if (argc == 2 && std::strcmp(argv[1], service::kLoopWord) == 0) return run_loop_worker(workers);
  CLI::App root{"Background jobs: stored durably, handed out in microseconds, run in processes it owns"};
  root.name("coworker");
  root.require_subcommand(1);
  root.footer("coworker COMMAND --help says more, with an example. Exit codes: 0 done, 1 failed, 2 wrong usage.");
  root.set_version_flag("-V,--version", fmt::format("coworker {}", version()));
  const std::vector<Command> table = commands();
  std::deque<Slots> slots;
  for (const Command& command : table) register_command(root, command, slots.emplace_back());
  if (argc <= 1) {
    std::fputs(root.help().c_str(), stderr);
    return kWrongUsage;
  }
  Result<std::vector<std::string>> words = in_own_words({argv + 1, argv + argc});
  if (!words) {
    return words.error().code() == Errc::invalid_argument ? complain_usage(words.error().message())
                                                          : complain(words.error());
  }
  if (const std::string unknown = unknown_command(root, *words, "coworker"); !unknown.empty())
    return complain_usage(unknown);
  std::reverse(words->begin(), words->end());  // as the parser wants them
  try {
    root.parse(std::move(*words));
  } catch (const CLI::ParseError& problem) {
    const auto asked =
        std::find_if(table.begin(), table.end(), [&](const Command& each) { return each.name == argv[1]; });
    if (problem.get_exit_code() != 0 && asked != table.end() && asked->plugin != nullptr) {
      std::fputs(fmt::format("{} UNKNOWN - {}\n", asked->plugin, problem.what()).c_str(), stdout);
      return kUnknown;
    }
    const int code = root.exit(problem);
    return code == 0 ? kDone : kWrongUsage;
  }
  hide_secrets(argc, argv);
  return run_parsed(slots, workers, methods);
}

}  // namespace coworker::app
