#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace coworker::channel::resp {

/// A strict decimal integer, as the protocol has them everywhere: an optional `-`, then digits without
/// leading zeros; no space, no `+`, no exponent. nullopt for anything else and for what 64 bits do not hold.
constexpr std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 19) return std::nullopt;
  if (text.front() == '0') return text.size() == 1 && !negative ? std::optional<std::int64_t>{0} : std::nullopt;
  std::uint64_t magnitude = 0;  // 19 digits fit
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    magnitude = magnitude * 10 + static_cast<std::uint64_t>(c - '0');
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (magnitude > kMax + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

/// The same without a sign, up to 2^64 - 1: tokens, cursors, register values.
constexpr std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  if (text.empty() || text.size() > 20 || (text.front() == '0' && text.size() > 1)) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace coworker::channel::resp
