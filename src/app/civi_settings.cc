#include "app/civi_settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "app/config_keys_civi.h"
#include "base/file.h"
#include "base/log.h"
#include "civi/pipe_connection.h"
#include "civi/site_search.h"

namespace coworker::app {
namespace {

constexpr const char* kSection = "civi";
constexpr Millis kWebPoll{5'000};
constexpr Millis kWebPollShortest{250};

Path at(std::string_view name) {
  return {kSection, std::string{name}};
}

/// `name` is a key of section civi, or names another one with dots.
Result<> define(const std::string& name, const std::string& text, const std::string& origin, Settings& settings) {
  const Key* key = find_key(join(kSection, name));
  if (key == nullptr) return apply_overrides({{name, {text}, origin}}, settings);
  Result<Value> value = parse_value(*key, text, origin);
  if (!value) return tl::unexpected{std::move(value.error()).wrap(origin)};
  settings.set(at(name), std::move(*value));
  settings.set({kSection}, {true, origin});
  return {};
}

Result<> take_variables(Settings& settings) {
  for (const CiviName& each : kCiviNames) {
    for (const char* variable : {each.former_variable, each.variable}) {
      const char* text = variable == nullptr ? nullptr : std::getenv(variable);
      if (text == nullptr || *text == '\0') continue;
      if (variable == each.former_variable) {
        log::warning(fmt::format("{} is deprecated, its name is {} now", variable, each.variable));
      }
      Result<Value> value = parse_value(*find_key(join(kSection, each.name)), text, variable);
      if (!value) return tl::unexpected{std::move(value.error()).wrap(variable)};
      settings.set(at(each.name), std::move(*value));
    }
  }
  return {};
}

Result<> take_flags(const Arguments& arguments, Settings& settings) {
  for (const auto& [flag, key] :
       {std::pair{"pipe", "pipeCommand"}, std::pair{"web", "web"}, std::pair{"channel", "channel"}}) {
    const auto text = arguments.text(flag);
    if (!text) continue;
    if (text->empty()) return fail(Errc::invalid_argument, fmt::format("--{}: it is empty", flag));
    if (Result<> done = define(key, *text, fmt::format("--{}", flag), settings); !done) return done;
  }
  for (const std::string& pair : arguments.texts("define")) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Errc::invalid_argument, fmt::format("--define: '{}' is not KEY=VALUE", pair));
    }
    const std::string name = pair.substr(0, equals);
    if (Result<> done = define(name, pair.substr(equals + 1), "--define " + name, settings); !done) return done;
  }
  if (const auto file = arguments.text("log")) settings.set({"log", "file"}, {*file, "--log"});
  return {};
}

/// The names of a former program's levels that ours do not have.
std::string own_level(const std::string& level) {
  if (level == "notice") return "info";
  if (level == "alert" || level == "emergency") return "critical";
  return level;
}

void take_log(Settings& settings) {
  const auto carry = [&settings](const char* from, const char* to) {
    const Value* value = settings.given(at(from));
    const Value* own = settings.given({"log", to});
    if (value == nullptr || (own != nullptr && own->origin.starts_with("--"))) return;
    settings.set({"log", to}, {own_level(std::get<std::string>(value->data)), value->origin});
  };
  carry("logFile", "file");
  carry("logFormat", "format");
  carry("logLevel", "level");
}

void take_debug(Settings& settings) {
  const std::string origin = "coworker debug";
  settings.set({"log", "level"}, {std::string{"debug"}, origin});
  settings.set(at("workerCount"), {std::int64_t{1}, origin});
  settings.set(at("workerRequests"), {std::int64_t{1}, origin});
  settings.set(at("workerTimeout"), {Millis{50}, origin});
  settings.set(at("workerCleanupCount"), {std::int64_t{1}, origin});
}

enum class Way : std::uint8_t { pipe, web };
struct Ways {
  Way control = Way::pipe;
  Way work = Way::pipe;
};

Result<Way> parse_way(std::string_view text) {
  if (text == "pipe") return Way::pipe;
  if (text == "web") return Way::web;
  return fail(Errc::invalid_argument, fmt::format("civi.channel: '{}' is neither pipe nor web", text));
}

Result<Ways> ways_of(const Settings& settings) {
  const std::string channel = settings.text(at("channel"));
  const bool has_pipe = !settings.text(at("pipeCommand")).empty();
  const bool has_web = !settings.text(at("web")).empty();
  if (channel.empty()) {
    if (has_pipe && has_web) {
      return fail(Errc::invalid_argument,
                  "both --pipe and --web are given: say with --channel=CONTROL,WORK which one watches the queues and "
                  "which one runs the tasks, as in --channel=pipe,web");
    }
    const Way only = has_web ? Way::web : Way::pipe;
    return Ways{only, only};
  }
  const std::size_t comma = channel.find(',');
  const Result<Way> control = parse_way(std::string_view{channel}.substr(0, comma));
  if (!control) return tl::unexpected{control.error()};
  const Result<Way> work =
      comma == std::string::npos ? control : parse_way(std::string_view{channel}.substr(comma + 1));
  if (!work) return tl::unexpected{work.error()};
  if (!has_web && (*control == Way::web || *work == Way::web)) {
    return fail(Errc::invalid_argument, fmt::format("channel {} needs the site's address: --web=URL", channel));
  }
  return Ways{*control, *work};
}

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::string{} : std::string{text};
}

/// "MINIPIPE uxv" asks for the site of the working directory, with these flags for the pipe.
Result<std::string> pipe_command(const Settings& settings) {
  constexpr std::string_view kOwn = "MINIPIPE";
  const std::string given = settings.text(at("pipeCommand"));
  std::string flags;
  if (!given.empty()) {
    if (!given.starts_with(kOwn)) return given;
    const bool is_plain = given.size() == kOwn.size() || given[kOwn.size()] == ' ';
    if (given.size() > kOwn.size()) flags = given.substr(kOwn.size() + 1);
    const bool are_letters =
        flags.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == std::string::npos;
    if (!is_plain || !are_letters || (given.size() > kOwn.size() && flags.empty())) {
      return fail(Errc::invalid_argument,
                  fmt::format("civi.pipeCommand: '{}' is neither MINIPIPE nor MINIPIPE FLAGS", given));
    }
  }
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  return civi::find_pipe_command(here, variable, flags);
}

Result<std::map<std::int64_t, std::string>> domain_commands(const Settings& settings) {
  std::map<std::int64_t, std::string> commands;
  const Value given = settings.effective(at("domains"));
  for (const std::string& pair : std::get<std::vector<std::string>>(given.data)) {
    const std::size_t equals = pair.find('=');
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + std::min(equals, pair.size()), number);
    if (error != std::errc{} || end != pair.data() + equals || number <= 0 || equals + 1 == pair.size()) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: civi.domains: '{}' is not NUMBER: COMMAND", given.origin, pair));
    }
    commands[number] = pair.substr(equals + 1);
  }
  return commands;
}

Result<civi::PipeConnection::Options> pipe_options(const Settings& settings) {
  const auto number = [&](const char* name) {
    return static_cast<std::uint64_t>(settings.get<std::int64_t>(at(name)));
  };
  Result<std::string> command = pipe_command(settings);
  if (!command) return tl::unexpected{std::move(command.error())};
  Result<std::map<std::int64_t, std::string>> domains = domain_commands(settings);
  if (!domains) return tl::unexpected{std::move(domains.error())};
  civi::PipeConnection::Options options;
  options.command = std::move(*command);
  options.domains = std::move(*domains);
  options.limits.count = number("workerCount");
  options.limits.requests = number("workerRequests");
  options.limits.lifetime = settings.get<Millis>(at("workerDuration"));
  options.limits.idle = settings.get<Millis>(at("workerTimeout"));
  options.limits.memory = settings.get<std::uint64_t>(at("workerMemory"));
  options.limits.cleanup = number("workerCleanupCount");
  options.limits.start = settings.get<Millis>(at("startTimeout"));
  options.terms.least_version = settings.text(at("civicrmVersion"));
  options.terms.buffer_size = settings.get<std::uint64_t>(at("bufferSize"));
  options.timeout = settings.get<Millis>(at("requestTimeout"));
  return options;
}

service::CiviConfig::Connect connect_by_pipe(civi::PipeConnection::Options options) {
  return [options](const service::CiviConfig::Parts& parts) -> Result<std::shared_ptr<civi::Connection>> {
    civi::PipeConnection::Options own = options;
    own.environment = parts.environment;
    own.keeper = parts.keeper;
    return std::make_shared<civi::PipeConnection>(parts.loop, std::move(own));
  };
}

/// One process that stays.
worker::PoolLimits for_control(const worker::PoolLimits& workers) {
  worker::PoolLimits limits;
  limits.start = workers.start;
  return limits;
}

civi::Agent::Options agent_options(const Settings& settings) {
  civi::Agent::Options options;
  options.poll_longest = settings.get<Millis>(at("pollInterval"));
  options.poll_shortest = settings.get<Millis>(at("pollIntervalMin"));
  if (const std::string query = settings.text(at("pollQuery")); !query.empty()) {
    options.poll_query = boost::json::parse(query).as_object();
  }
  options.failures = static_cast<std::uint32_t>(settings.get<std::int64_t>(at("failures")));
  options.duration = settings.get<Millis>(at("agentDuration"));
  options.task_timeout = settings.get<Millis>(at("taskTimeout"));
  options.stop_grace = settings.get<Millis>({"stop_grace"});
  options.log_polling = settings.get<bool>(at("logPolling"));
  options.log_waiting = settings.get<bool>(at("logInternalQueue"));
  return options;
}

/// Differs where anything differs that the site is served by. `found`: the command of its pipe.
Result<std::string> made_of(const Settings& settings, const std::string& found) {
  std::string text = fmt::format("{} {}", found, write_value(settings.effective({"stop_grace"})));
  for (const Key& key : kCiviKeys) {
    text += fmt::format("\n{}: {}", key.name, write_value(settings.effective(at(key.name))));
  }
  const bool by_web = !settings.text(at("web")).empty();
  if (const std::string file = settings.text(at("webCredentialFile")); by_web && !file.empty()) {
    const Result<std::string> secret = read_secret(file);
    if (!secret) return tl::unexpected{Error{secret.error()}.wrap("civi.webCredentialFile")};
    text += *secret;
  }
  return text;
}

/// Each look over HTTP is a few requests to a machine that has others to serve; and many programs keep no step.
void slow_down(const Settings& settings, civi::Agent::Options& options) {
  if (settings.given(at("pollInterval")) == nullptr) {
    std::random_device random;
    options.poll_longest =
        Millis{std::uniform_int_distribution<Millis::rep>{kWebPoll.count() * 4 / 5, kWebPoll.count() * 6 / 5}(random)};
  }
  if (settings.given(at("pollIntervalMin")) == nullptr) options.poll_shortest = kWebPollShortest;
}

}  // namespace

std::vector<Flag> civi_flags() {
  return {{"--pipe", "COMMAND", "Run the queues of the CiviCRM site whose pipe this shell command starts"},
          {"--web", "URL", "The same over HTTP"},
          {"--channel", "CONTROL,WORK", "With both: which one watches the queues, and which one runs the tasks"},
          {"--cwd", "DIR", "Go to this folder first"},
          {"-d,--define", "KEY=VALUE", "A key of section civi, or another one with its dots", true},
          {"--log", "FILE", "The log is appended to it"}};
}

Result<> enter_folder(const Arguments& arguments) {
  const auto folder = arguments.text("cwd");
  if (!folder || ::chdir(folder->c_str()) == 0) return {};
  return fail_errno(errno, fmt::format("go to the folder '{}' (--cwd)", *folder));
}

Result<> take_civi(const Arguments& arguments, bool debug, Configuration& configuration) {
  Settings& settings = configuration.settings;
  if (Result<> done = take_variables(settings); !done) return done;
  if (Result<> done = take_flags(arguments, settings); !done) return done;
  take_log(settings);
  if (debug) take_debug(settings);
  if (configuration.files.empty() && settings.given({kSection}) == nullptr) {
    settings.set({kSection}, {false, "no configuration file"});
  }
  return {};
}

Result<service::CiviConfig> civi_config(const Settings& settings) {
  const Result<Ways> ways = ways_of(settings);
  if (!ways) return tl::unexpected{ways.error()};
  service::CiviConfig config;
  std::string pipe;
  config.agent = agent_options(settings);
  if (ways->control == Way::web) slow_down(settings, config.agent);
  if (ways->control == Way::pipe || ways->work == Way::pipe) {
    Result<civi::PipeConnection::Options> options = pipe_options(settings);
    if (!options) return tl::unexpected{std::move(options.error())};
    pipe = options->command;
    if (ways->work == Way::pipe) config.work = connect_by_pipe(*options);
    options->limits = for_control(options->limits);
    if (ways->control == Way::pipe) config.control = connect_by_pipe(std::move(*options));
  }
  if (ways->control == Way::web || ways->work == Way::web) {
    Result<service::CiviConfig::Connect> connect = connect_by_web(settings);
    if (!connect) return tl::unexpected{std::move(connect.error())};
    if (ways->control == Way::web) config.control = *connect;
    // One connection does both where both go the same way.
    if (ways->work == Way::web && ways->control == Way::pipe) config.work = *connect;
  }
  Result<std::string> text = made_of(settings, pipe);
  if (!text) return tl::unexpected{std::move(text.error())};
  config.made_of = std::move(*text);
  return config;
}

}  // namespace coworker::app
