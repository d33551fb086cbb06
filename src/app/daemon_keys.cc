#include "app/daemon_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

namespace coworker::app {
namespace {

constexpr std::uint16_t kDefaultPort = 10042;
constexpr std::int64_t kMostReadSize = 16 << 20;
constexpr int kOctal = 8;

Result<std::int64_t> number(const Value& value, std::int64_t least, std::int64_t most) {
  const auto* given = value.get<std::int64_t>();
  if (given == nullptr) return fail(Errc::invalid_argument, "it must be an integer");
  if (*given < least || *given > most) {
    return fail(Errc::invalid_argument, fmt::format("{} is not between {} and {}", *given, least, most));
  }
  return *given;
}

Result<std::string> text(const Value& value) {
  const auto* given = value.get<std::string>();
  if (given == nullptr) return fail(Errc::invalid_argument, "it must be a text");
  if (given->empty()) return fail(Errc::invalid_argument, "it is empty");
  if (given->find('\0') != std::string::npos) return fail(Errc::invalid_argument, "it holds a zero byte");
  return *given;
}

/// Seconds, whole or not.
Result<Millis> seconds(const Value& value, double most) {
  double given = -1;
  if (const auto* whole = value.get<std::int64_t>()) given = static_cast<double>(*whole);
  if (const auto* real = value.get<double>()) given = *real;
  if (!(given >= 0 && given <= most)) {
    return fail(Errc::invalid_argument, fmt::format("it must be a number of seconds between 0 and {}", most));
  }
  return Millis{static_cast<std::int64_t>(given * 1000)};
}

Result<mode_t> mode(const Value& value) {
  const Result<std::string> given = text(value);
  if (!given) return tl::unexpected{given.error()};
  std::size_t used = 0;
  const bool octal = given->size() <= 4 && given->find_first_not_of("01234567") == std::string::npos;
  const unsigned long bits = octal ? std::stoul(*given, &used, kOctal) : 0;
  if (!octal || bits > 0777) return fail(Errc::invalid_argument, fmt::format("'{}' is no mode as \"0660\"", *given));
  return static_cast<mode_t>(bits);
}

template <class T, class Field>
Result<> put(Result<T> value, Field& field) {
  if (!value) return tl::unexpected{std::move(value.error())};
  field = static_cast<Field>(std::move(*value));
  return {};
}

Result<> put_address(const Value& value, DaemonKeys& keys) {
  const Result<std::string> given = text(value);
  if (!given) return tl::unexpected{given.error()};
  return put(channel::parse_address(*given, kDefaultPort), keys.address);
}

Result<> put_protocol(const Value& value, DaemonKeys& keys) {
  const Result<std::string> given = text(value);
  if (!given) return tl::unexpected{given.error()};
  if (*given != "comodojo" && *given != "rpc") {
    return fail(Errc::invalid_argument, fmt::format("'{}' is neither comodojo nor rpc", *given));
  }
  keys.protocol = *given == "rpc" ? DaemonProtocol::rpc : DaemonProtocol::comodojo;
  return {};
}

Result<> put_level(const Value& value, DaemonKeys& keys) {
  const Result<std::string> given = text(value);
  if (!given) return tl::unexpected{given.error()};
  const std::optional<log::Level> level = log::parse_level(*given);
  if (!level) return fail(Errc::invalid_argument, fmt::format("'{}' is no level of the log", *given));
  keys.log_level = *level;
  return {};
}

struct DaemonKey {
  std::string_view name;
  Result<> (*take)(const Value& value, DaemonKeys& keys);
};

constexpr double kMostTimeout = 600;
constexpr double kMostGrace = 86'400;

constexpr std::array kTable{
    DaemonKey{"sockethandler", put_address},
    DaemonKey{"pidfile", [](const Value& value, DaemonKeys& keys) { return put(text(value), keys.pid_file); }},
    DaemonKey{"socketbuffer", [](const Value& value,
                                 DaemonKeys& keys) { return put(number(value, 1024, kMostReadSize), keys.read_size); }},
    DaemonKey{"sockettimeout", [](const Value& value,
                                  DaemonKeys& keys) { return put(seconds(value, kMostTimeout), keys.read_timeout); }},
    DaemonKey{"socketmaxconnections",
              [](const Value& value, DaemonKeys& keys) { return put(number(value, 1, 1024), keys.connections); }},
    DaemonKey{"niceness",
              [](const Value& value, DaemonKeys& keys) { return put(number(value, -20, 19), keys.niceness); }},
    DaemonKey{"arguments", [](const Value& value, DaemonKeys& keys) { return put(text(value), keys.arguments); }},
    DaemonKey{"description", [](const Value& value, DaemonKeys& keys) { return put(text(value), keys.description); }},
    DaemonKey{"protocol", put_protocol},
    DaemonKey{"socketmode", [](const Value& value, DaemonKeys& keys) { return put(mode(value), keys.socket_mode); }},
    DaemonKey{"tokenfile", [](const Value& value, DaemonKeys& keys) { return put(text(value), keys.token_file); }},
    DaemonKey{"logfile", [](const Value& value, DaemonKeys& keys) { return put(text(value), keys.log_file); }},
    DaemonKey{"loglevel", put_level},
    DaemonKey{"stopgrace",
              [](const Value& value, DaemonKeys& keys) { return put(seconds(value, kMostGrace), keys.stop_grace); }},
    DaemonKey{"killgrace",
              [](const Value& value, DaemonKeys& keys) { return put(seconds(value, kMostGrace), keys.kill_grace); }},
};

std::string known_keys() {
  std::string names;
  for (const DaemonKey& key : kTable) names += fmt::format("{}{}", names.empty() ? "" : ", ", key.name);
  return names;
}

}  // namespace

Result<DaemonKeys> parse_daemon_keys(const coworker::Value::Map& given) {
  DaemonKeys keys;
  keys.address.kind = channel::Address::Kind::unix_socket;
  keys.address.path = "daemon.sock";
  for (const auto& [name, value] : given) {
    const auto key =
        std::find_if(kTable.begin(), kTable.end(), [&](const DaemonKey& each) { return each.name == name; });
    if (key == kTable.end()) {
      return fail(Errc::invalid_argument, fmt::format("there is no key '{}'; there are {}", name, known_keys()));
    }
    if (Result<> taken = key->take(value, keys); !taken) return tl::unexpected{std::move(taken.error()).wrap(name)};
  }
  if (keys.log_file.empty()) keys.log_file = std::filesystem::path{keys.pid_file}.replace_extension(".log");
  if (keys.log_file == keys.pid_file) return fail(Errc::invalid_argument, "pidfile: the log would be the same file");
  return keys;
}

}  // namespace coworker::app
