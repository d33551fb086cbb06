#include "civi/greeting.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "civi/version.h"

namespace coworker::civi {
namespace {

namespace json = boost::json;

constexpr std::string_view kMark = "\"Civi::pipe\"";

/// The JSON value that the line ends with, and that begins just before the mark.
std::optional<json::value> value_in(std::string_view line, std::size_t mark) {
  const std::size_t start = line.find_last_of("{[", mark);
  if (start == std::string_view::npos) return std::nullopt;
  boost::system::error_code error;
  json::value value = json::parse(line.substr(start), error);
  if (error) return std::nullopt;
  return value;
}

std::string text_of(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->as_string()} : std::string{};
}

/// "l":["login"], as it is sent, or "l":"login", as it is documented.
bool offers_login(const json::object& members) {
  const json::value* offered = members.if_contains("l");
  if (offered == nullptr) return false;
  if (offered->is_string()) return offered->as_string() == "login";
  if (!offered->is_array()) return false;
  for (const json::value& one : offered->as_array()) {
    if (one.is_string() && one.as_string() == "login") return true;
  }
  return false;
}

}  // namespace

Result<std::optional<Greeting>> parse_greeting(std::string_view line) {
  const std::size_t mark = line.rfind(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  const std::optional<json::value> value = value_in(line, mark);
  if (!value) return std::nullopt;
  const json::value* said = value->is_object() ? value->as_object().if_contains("Civi::pipe") : nullptr;
  const bool is_old_list = value->is_array() && !value->as_array().empty() && value->as_array()[0].is_string();
  if (said == nullptr && !is_old_list) return std::nullopt;
  if (is_old_list || said->is_string() || said->is_array()) {
    return fail(Errc::invalid_argument,
                fmt::format("unsupported protocol generation: it greets with {}, and CiviCRM does not since 5.47",
                            line.substr(0, 200)));
  }
  Greeting greeting;
  greeting.text = json::serialize(*value);
  if (said->is_object()) {
    const json::object& members = said->as_object();
    greeting.version = text_of(members, "v");
    greeting.is_trusted = text_of(members, "t") == "trusted" && !members.contains("u");
    greeting.can_log_in = offers_login(members);
  }
  return greeting;
}

Result<> check_greeting(const Greeting& greeting, const std::string& least_version) {
  if (greeting.version.empty()) {
    return fail(Errc::invalid_argument,
                fmt::format("it does not tell its version ({}): start the pipe with the flag v, as in 'cv pipe vtl'",
                            greeting.text));
  }
  if (!is_at_least(greeting.version, least_version)) {
    return fail(Errc::invalid_argument,
                fmt::format("CiviCRM is of version {}, and at least {} is needed", greeting.version, least_version));
  }
  if (!greeting.is_trusted) {
    return fail(
        Errc::denied,
        fmt::format("it does not trust us ({}): start the pipe with the flag t, as in 'cv pipe vtl'", greeting.text));
  }
  return {};
}

}  // namespace coworker::civi
