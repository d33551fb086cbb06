#include "api/value_json.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <cstdint>

namespace coworker::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}

constexpr std::array<std::int8_t, 256> kValues = make_values();

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct ToJson {
  json::value operator()(std::nullptr_t) const { return nullptr; }
  json::value operator()(bool value) const { return value; }
  json::value operator()(std::int64_t value) const { return value; }
  // JSON has no words for what is not finite.
  json::value operator()(double value) const {
    if (!std::isfinite(value)) return nullptr;
    return value;
  }
  json::value operator()(const std::string& value) const { return json::string{value}; }
  json::value operator()(const Binary& value) const { return json::string{to_base64(value.bytes)}; }
  json::value operator()(DateTime value) const { return json::string{to_text(value)}; }
  json::value operator()(const Value::Array& value) const {
    json::array array;
    array.reserve(value.size());
    for (const Value& each : value) array.push_back(to_json(each));
    return array;
  }
  json::value operator()(const Value::Map& value) const {
    json::object object;
    object.reserve(value.size());
    for (const auto& [name, each] : value) object.emplace(name, to_json(each));
    return object;
  }
};

/// Two decimal digits; -1: they are none.
int two_digits(std::string_view text, std::size_t at) {
  const char high = text[at];
  const char low = text[at + 1];
  if (high < '0' || high > '9' || low < '0' || low > '9') return -1;
  return (high - '0') * 10 + (low - '0');
}

}  // namespace

json::value to_json(const Value& value) {
  return value.visit(ToJson{});
}

Value to_value(const json::value& from) {
  switch (from.kind()) {
    case json::kind::null:
      return {};
    case json::kind::bool_:
      return from.get_bool();
    case json::kind::int64:
      return from.get_int64();
    case json::kind::uint64:
      return from.get_uint64();
    case json::kind::double_:
      return from.get_double();
    case json::kind::string:
      return std::string_view{from.get_string()};
    case json::kind::array: {
      Value::Array array;
      array.reserve(from.get_array().size());
      for (const json::value& each : from.get_array()) array.push_back(to_value(each));
      return array;
    }
    case json::kind::object: {
      Value::Map map;
      for (const auto& [name, each] : from.get_object()) map.insert_or_assign(std::string{name}, to_value(each));
      return map;
    }
  }
  return {};
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view part = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= part.size() ? kDigits[bits >> (18 - 6 * i) & 63u] : '=';
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (is_space(c)) continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::int8_t value = kValues[static_cast<unsigned char>(c)];
    if (value < 0 || padding > 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (++digits % 4 != 0) continue;
    for (const unsigned shift : {16u, 8u, 0u}) bytes += static_cast<char>(bits >> shift & 255u);
    bits = 0;
  }
  const std::size_t rest = digits % 4;
  const bool is_whole = rest == 0 ? padding == 0 : rest > 1 && padding == 4 - rest;
  if (!is_whole) return std::nullopt;
  if (rest == 2) bytes += static_cast<char>(bits >> 4 & 255u);
  if (rest == 3) {
    bytes += static_cast<char>(bits >> 10 & 255u);
    bytes += static_cast<char>(bits >> 2 & 255u);
  }
  return bytes;
}

std::string to_text(DateTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}{:02}{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::optional<DateTime> parse_date_time(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  std::string compact;
  if (text.size() == 19 && text[4] == '-' && text[7] == '-') {
    compact.append(text.substr(0, 4)).append(text.substr(5, 2)).append(text.substr(8));
    text = compact;
  }
  if (text.size() != 17 || text[8] != 'T' || text[11] != ':' || text[14] != ':') return std::nullopt;
  int fields[7];
  constexpr std::size_t kPlaces[] = {0, 2, 4, 6, 9, 12, 15};
  for (std::size_t i = 0; i < 7; ++i) {
    fields[i] = two_digits(text, kPlaces[i]);
    if (fields[i] < 0) return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{fields[0] * 100 + fields[1]},
                                         std::chrono::month{static_cast<unsigned>(fields[2])},
                                         std::chrono::day{static_cast<unsigned>(fields[3])}};
  if (!date.ok() || fields[4] > 23 || fields[5] > 59 || fields[6] > 59) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{fields[4]} + std::chrono::minutes{fields[5]} +
         std::chrono::seconds{fields[6]};
}

}  // namespace coworker::api
