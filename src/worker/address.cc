#include "worker/address.h"

#include <algorithm>

#include "worker/report.h"

namespace coworker::worker {
namespace {

constexpr std::size_t kShown = 500;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
}

/// Calls `text` for what stands between names, and `name` for these.
template <class Text, class Name>
void walk(std::string_view address, Text&& text, Name&& name) {
  while (!address.empty()) {
    const std::size_t open = address.find('{');
    const std::size_t close = open == std::string_view::npos ? open : address.find('}', open);
    if (close == std::string_view::npos) return text(address);
    const std::string_view inside = address.substr(open + 1, close - open - 1);
    if (!is_name(inside)) {
      text(address.substr(0, open + 1));
      address.remove_prefix(open + 1);
      continue;
    }
    text(address.substr(0, open));
    name(inside);
    address.remove_prefix(close + 1);
  }
}

}  // namespace

std::vector<std::string> placeholders_of(std::string_view address) {
  std::vector<std::string> names;
  walk(address, [](std::string_view) {}, [&](std::string_view name) { names.emplace_back(name); });
  return names;
}

std::string fill_address(std::string_view address, const std::map<std::string, std::string>& values) {
  std::string out;
  walk(
      address, [&](std::string_view text) { out += text; },
      [&](std::string_view name) {
        const auto value = values.find(std::string{name});
        out += value == values.end() ? "{" + std::string{name} + "}" : percent_encode(value->second);
      });
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

std::string form_of(std::string_view body, std::string_view metadata) {
  return "body=" + percent_encode(body) + "&metadata=" + percent_encode(metadata);
}

std::string with_query(std::string address, std::string_view parameters) {
  const std::size_t end = std::min(address.find('#'), address.size());
  const std::size_t mark = address.substr(0, end).find('?');
  std::string added{mark == std::string::npos ? '?' : '&'};
  if (mark != std::string::npos && mark + 1 == end) added.clear();
  return address.insert(end, added.append(parameters));
}

std::string beginning_of(std::string_view body) {
  std::string text = log_line(body.substr(0, kShown)).text;
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

std::pair<std::size_t, std::size_t> userinfo_of(std::string_view address) {
  const std::size_t scheme = address.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(address.find_first_of("/?#", begin), address.size());
  std::size_t at = address.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) {
    const std::string_view authority = address.substr(begin, end - begin);
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']')) return {begin, 0};
    const std::string_view port = authority.substr(colon + 1);
    if (std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) return {begin, 0};
    at = address.rfind('@');
    if (at == std::string_view::npos || at < end) return {begin, 0};
  }
  return {begin, at - begin};
}

std::string without_secrets(std::string_view address) {
  const auto [begin, length] = userinfo_of(address);
  std::string plain{address};
  if (length > 0) plain.erase(begin, length + 1);
  return plain.substr(0, plain.find_first_of("?#"));
}

}  // namespace coworker::worker
