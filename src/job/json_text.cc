#include "job/json_text.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace coworker::job {
namespace {

namespace json = boost::json;

constexpr std::size_t kDepth = 512;
constexpr std::string_view kSpace = " \t\r\n";

/// What a parser reports goes nowhere: only its verdict counts. The names are Boost.JSON's.
struct Ignore {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Error = boost::system::error_code;

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return true; }
  bool on_object_end(std::size_t, Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(std::size_t, Error&) { return true; }
  bool on_key_part(json::string_view, std::size_t, Error&) { return true; }
  bool on_key(json::string_view, std::size_t, Error&) { return true; }
  bool on_string_part(json::string_view, std::size_t, Error&) { return true; }
  bool on_string(json::string_view, std::size_t, Error&) { return true; }
  bool on_number_part(json::string_view, Error&) { return true; }
  bool on_int64(std::int64_t, json::string_view, Error&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, Error&) { return true; }
  bool on_double(double, json::string_view, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(json::string_view, Error&) { return true; }
  bool on_comment(json::string_view, Error&) { return true; }
};

std::size_t skip_space(std::string_view text, std::size_t at) {
  const std::size_t found = text.find_first_not_of(kSpace, at);
  return found == std::string_view::npos ? text.size() : found;
}

/// `at` is on the opening quote; returns what follows the closing one.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

/// Returns what follows the value that starts at `at`.
std::size_t skip_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
        at = skip_string(text, at);
        if (depth == 0) return at;
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return at;  // the end of what is around a number or a name
        if (--depth == 0) return at + 1;
        break;
      case ',':
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
    ++at;
  }
  return at;
}

std::string decode_string(std::string_view quoted) {
  if (quoted.find('\\') == std::string_view::npos) return std::string{quoted.substr(1, quoted.size() - 2)};
  boost::system::error_code error;
  const json::value value = json::parse(quoted, error);
  return value.is_string() ? std::string{value.as_string()} : std::string{};
}

}  // namespace

Result<> check_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kDepth;
  json::basic_parser<Ignore> parser{options};
  boost::system::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error) return fail(Errc::invalid_argument, fmt::format("not JSON at byte {}: {}", used, error.message()));
  // Only white space is left unread by a parser that has its one value.
  if (skip_space(text, used) != text.size()) {
    return fail(Errc::invalid_argument, fmt::format("not JSON at byte {}: more after the value", used));
  }
  return {};
}

std::string_view trim_json(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kSpace);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kSpace) - start + 1);
}

std::vector<JsonMember> json_members(std::string_view text) {
  std::vector<JsonMember> members;
  std::size_t at = skip_space(text, 0);
  if (at == text.size() || text[at] != '{') return members;
  for (++at;;) {
    at = skip_space(text, at);
    if (at >= text.size() || text[at] != '"') return members;
    const std::size_t key_end = skip_string(text, at);
    std::string key = decode_string(text.substr(at, key_end - at));
    at = skip_space(text, skip_space(text, key_end) + 1);
    const std::size_t end = skip_value(text, at);
    members.push_back(JsonMember{std::move(key), text.substr(at, end - at)});
    at = skip_space(text, end);
    if (at >= text.size() || text[at] != ',') return members;
    ++at;
  }
}

std::string json_string(std::string_view text) {
  std::string quoted = json::serialize(json::string_view{text.data(), text.size()});
  if (check_json(quoted)) return quoted;
  // Keeps what is ASCII; the rest is not worth a decoder.
  std::string plain;
  for (const char c : text) plain += static_cast<unsigned char>(c) < 0x80 ? std::string{c} : "\xef\xbf\xbd";
  return json::serialize(json::string_view{plain});
}

}  // namespace coworker::job
