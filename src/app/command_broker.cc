#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "app/background.h"
#include "app/broker.h"
#include "app/broker_config.h"
#include "app/command_list.h"
#include "app/config_keys.h"
#include "app/store_session.h"
#include "base/log.h"

namespace coworker::app {
namespace {

constexpr Millis kOwnerPatience{2'000};

std::string flag_name(std::string_view key) {
  std::string name{key};
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

// The password of the section is what clients must give; --password-file is
// what this program gives to others.
bool is_taken(std::string_view key) {
  return key == "password_file";
}

}  // namespace

std::vector<Flag> section_flags(std::string_view section) {
  const Place* place = find_place(section);
  std::vector<Flag> flags;
  for (const Key& key : keys()) {
    if (place == nullptr || key.scope != place->scope) continue;
    const std::string name = is_taken(key.name) ? "require-" + flag_name(key.name) : flag_name(key.name);
    const bool is_list = key.kind == Kind::addresses || key.kind == Kind::texts;
    const std::string fallback = key.fallback.empty() ? "" : fmt::format(" (default: {})", key.fallback);
    flags.push_back(
        {"--" + name, key.kind == Kind::boolean ? "BOOLEAN" : "VALUE", std::string{key.text} + fallback, is_list});
  }
  return flags;
}

std::vector<Override> section_overrides(std::string_view section, const Arguments& arguments) {
  const Place* place = find_place(section);
  std::vector<Override> overrides;
  for (const Key& key : keys()) {
    if (place == nullptr || key.scope != place->scope) continue;
    const std::string name = is_taken(key.name) ? "require-" + flag_name(key.name) : flag_name(key.name);
    if (arguments.has(name)) overrides.push_back({join(section, key.name), arguments.texts(name), "--" + name});
  }
  return overrides;
}

int run_broker_command(const Arguments& arguments, const Context&) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  std::vector<Override> overrides = section_overrides("broker", arguments);
  if (const auto data = arguments.text("data")) overrides.push_back({"store", {"file:" + *data}, "--data"});
  if (Result<> given = apply_overrides(overrides, configuration->settings); !given)
    return complain_usage(given.error().message());
  log_in_background(arguments, "coworker-broker.log", configuration->settings);
  if (Result<> logged = log::configure(log_options(configuration->settings)); !logged) return complain(logged.error());
  Result<BrokerOptions> options = broker_options(configuration->settings);
  if (!options) return complain(options.error());
  if (const char* const record = std::getenv("COWORKER_SYNC_RECORD")) options->sync_record = record;
  options->owner_patience = kOwnerPatience;
  log::set_role("broker");
  Result<Background> background = Background::enter(background_options(arguments));
  if (!background) return complain(background.error());
  return run_broker(*options, [&background] { background->ready(); });
}

}  // namespace coworker::app
