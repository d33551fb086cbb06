#include "app/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace coworker::app {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array kUnits{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                            Unit{"d", 86'400'000}};
constexpr double kLongest = 100.0 * 366 * 86'400'000;

// The number at the head of `text`, a decimal fraction allowed; what follows it is left in `text`.
bool take_number(std::string_view& text, double& number) {
  if (text.empty() || !(text[0] >= '0' && text[0] <= '9')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  std::string_view rest = text;
  double number = 0;
  if (take_number(rest, number)) {
    if (rest.empty()) rest = "s";
    for (const Unit& unit : kUnits) {
      if (unit.name != rest) continue;
      const double ms = number * static_cast<double>(unit.ms);
      if (ms > kLongest) return fail(Errc::invalid_argument, fmt::format("'{}' is longer than 100 years", text));
      return Millis{std::llround(ms)};
    }
  }
  return fail(Errc::invalid_argument,
              fmt::format("'{}' is not a duration (write 250ms, 10s, 5m, 2h or 30d; a bare number is seconds)", text));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  if (error == std::errc{} && end != text.data()) {
    int shift = -1;
    if (unit.empty()) shift = 0;
    if (unit == "K" || unit == "k") shift = 10;
    if (unit == "M") shift = 20;
    if (unit == "G") shift = 30;
    if (shift >= 0 && number <= (std::numeric_limits<std::uint64_t>::max() >> (shift + 1))) return number << shift;
  }
  return fail(Errc::invalid_argument, fmt::format("'{}' is not a size (write 4096, 64K, 512M or 2G)", text));
}

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument || end != text.data() + text.size() || text.empty()) {
    return fail(Errc::invalid_argument, fmt::format("'{}' is not a whole number", text));
  }
  if (error == std::errc::result_out_of_range || number < least || number > most) {
    if (most == std::numeric_limits<std::int64_t>::max()) {
      return fail(Errc::invalid_argument, fmt::format("{} is out of range (at least {})", text, least));
    }
    return fail(Errc::invalid_argument, fmt::format("{} is out of range ({} to {})", text, least, most));
  }
  return number;
}

Result<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return fail(Errc::invalid_argument, fmt::format("'{}' is neither true nor false", text));
}

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\'') {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      // Inside "…" a backslash quotes only what would be special there.
      if (quote == '"' && next != '"' && next != '\\' && next != '$' && next != '`') word += c;
      word += next;
      in_word = true;
    } else if (quote == '"') {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return fail(Errc::invalid_argument, fmt::format("'{}' has a {} without an end", text, quote));
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::string write_duration(Millis duration) {
  const std::int64_t ms = duration.count();
  if (ms == 0) return "0s";
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    if (ms % unit->ms == 0) return fmt::format("{}{}", ms / unit->ms, unit->name);
  }
  return fmt::format("{}ms", ms);
}

namespace {

char folded(char c) {
  if (c == '-') return '_';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Letters to insert, drop, change or swap with their neighbour to turn one into the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates) {
  if (text.size() > 64) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t d = distance(text, candidate);
    if (d < least && d < candidate.size()) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

}  // namespace coworker::app
