#include "app/shared_profile.h"

#include <fmt/format.h>

#include <charconv>

#include "app/config_value.h"
#include "app/store_session.h"
#include "app/worker_registry.h"
#include "worker/shared_socket.h"

namespace coworker::app {
namespace {

Result<unsigned> parse_mode(const std::string& text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 0777) {
    return fail(Errc::invalid_argument, fmt::format("'{}' is no mode of a file (0600, 0660, 0666)", text));
  }
  return mode;
}

Result<SharedTarget> configured(const Settings& settings, const Settings::Entry& entry) {
  const auto key = [&](const char* name) { return Path{"shared", entry.name, name}; };
  SharedTarget target;
  target.address = settings.text(key("address"));
  target.worker = settings.text(key("worker"));
  target.command = settings.get<std::vector<std::string>>(key("command"));
  const auto wrong = [&](std::string_view what) {
    return fail(Errc::invalid_argument, fmt::format("{}: the shared worker '{}' {}", entry.origin, entry.name, what));
  };
  if (target.address.empty()) return wrong("has no address");
  if (target.worker.empty() == target.command.empty()) return wrong("needs either worker or command");
  if (const auto address = worker::parse_shared_address(target.address); !address)
    return wrong(address.error().message());
  target.profile.arguments = settings.text(key("arguments"));
  target.profile.cookie_file = settings.text(key("cookie_file"));
  target.profile.output = settings.text(key("output"));
  target.profile.directory = settings.text(key("directory"));
  target.profile.environment = settings.get<std::vector<std::string>>(key("environment"));
  target.profile.memory = settings.get<std::uint64_t>(key("memory"));
  target.profile.drain = settings.get<Millis>(key("drain"));
  target.profile.insecure = settings.get<bool>(key("insecure"));
  const Result<unsigned> mode = parse_mode(settings.text(key("socket_mode")));
  if (!mode) return wrong(fmt::format("has a socket_mode that cannot be: {}", mode.error().message()));
  target.profile.socket_mode = *mode;
  target.profile.backlog = static_cast<int>(settings.get<std::int64_t>(key("backlog")));
  target.profile.keep_alive = std::chrono::ceil<std::chrono::seconds>(settings.get<Millis>(key("keep_alive")));
  target.profile.tls_certificate = settings.text(key("tls_certificate"));
  target.profile.tls_key = settings.text(key("tls_key"));
  target.profile.tls_client_ca = settings.text(key("tls_client_ca"));
  target.profile.kill_switch = settings.text({"kill_switch"});
  return target;
}

Result<SharedTarget> named(const Settings& settings, const std::string& name) {
  std::string known;
  for (const Settings::Entry& entry : settings.entries({"shared"})) {
    if (entry.name == name) return configured(settings, entry);
    known += " " + entry.name;
  }
  return fail(Errc::invalid_argument,
              fmt::format("'{}' is neither an address (unix:PATH, tcp:HOST:PORT, tls:HOST:PORT) nor a shared "
                          "worker of the configuration, which has{}",
                          name, known.empty() ? " none" : ":" + known));
}

/// What masters bring is the section tls of the configuration; flags win.
void take_tls(const Settings& settings, const Arguments& arguments, Side side, Profile& profile) {
  const store::TlsSettings configured = tls_settings(settings);
  profile.tls = {configured.ca, configured.certificate, configured.key, configured.name, configured.verify};
  const auto take = [&](const char* flag, std::string& into) {
    if (const auto given = arguments.text(flag)) into = *given;
  };
  take("tls-ca", profile.tls.ca);
  take("tls-name", profile.tls.name);
  take("tls-certificate", side == Side::worker ? profile.tls_certificate : profile.tls.certificate);
  take("tls-key", side == Side::worker ? profile.tls_key : profile.tls.key);
  take("tls-client-ca", profile.tls_client_ca);
  if (arguments.has("tls-no-verify")) profile.tls.verify = false;
}

}  // namespace

Result<SharedTarget> shared_target(const Arguments& arguments, Side side) {
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{configuration.error()};
  const std::string given = arguments.text("ADDRESS").value_or("");
  Result<SharedTarget> target = SharedTarget{given};
  if (channel::looks_like_address(given)) {
    target->profile.kill_switch = configuration->settings.text({"kill_switch"});
  } else {
    target = named(configuration->settings, given);
    if (!target) return target;
  }
  target->profile.bootstrap = bootstrap_library(configuration->settings);
  take_tls(configuration->settings, arguments, side, target->profile);
  if (const auto worker = arguments.text("worker")) target->worker = *worker;
  if (const auto words = arguments.texts("COMMAND"); !words.empty()) target->command = words;
  if (!target->worker.empty() && !target->command.empty()) {
    return fail(Errc::invalid_argument, "give either --worker or a command, not both");
  }
  if (const auto text = arguments.text("arguments")) target->profile.arguments = *text;
  if (const auto file = arguments.text("output")) target->profile.output = *file;
  if (const auto file = arguments.text("cookie-file")) target->profile.cookie_file = *file;
  if (const auto cookie = arguments.text("admin-cookie")) target->profile.admin_cookie = *cookie;
  if (arguments.has("insecure")) target->profile.insecure = true;
  if (const auto drain = arguments.text("drain")) {
    const Result<Millis> time = parse_duration(*drain);
    if (!time) return fail(Errc::invalid_argument, fmt::format("--drain: {}", time.error().message()));
    target->profile.drain = *time;
  }
  return target;
}

Result<std::vector<std::pair<std::string, SharedTarget>>> configured_shared(const Settings& settings) {
  std::vector<std::pair<std::string, SharedTarget>> all;
  for (const Settings::Entry& entry : settings.entries({"shared"})) {
    Result<SharedTarget> target = configured(settings, entry);
    if (!target) return tl::unexpected{target.error()};
    all.emplace_back(entry.name, std::move(*target));
  }
  return all;
}

Result<Millis> timeout_of(const Arguments& arguments, Millis usual) {
  const auto given = arguments.text("timeout");
  if (!given) return usual;
  const Result<Millis> time = parse_duration(*given);
  if (!time) return fail(Errc::invalid_argument, fmt::format("--timeout: {}", time.error().message()));
  return *time;
}

}  // namespace coworker::app
