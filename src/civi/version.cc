#include "civi/version.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace coworker::civi {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// "5.51.alpha1" → 5, 51, alpha, 1: a part ends at a separator, and between digits and letters.
std::vector<std::string_view> parts_of(std::string_view version) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= version.size(); ++i) {
    const bool is_end = i == version.size() || std::isalnum(static_cast<unsigned char>(version[i])) == 0;
    const bool is_turn = !is_end && i > start && is_digit(version[i]) != is_digit(version[i - 1]);
    if (!is_end && !is_turn) continue;
    if (i > start) parts.push_back(version.substr(start, i - start));
    start = is_turn ? i : i + 1;
  }
  return parts;
}

/// What a part is worth before its number counts; the end of a version stands before its patches.
int rank_of(std::string_view part) {
  constexpr std::array<std::pair<std::string_view, int>, 6> kWords{
      {{"dev", 1}, {"alpha", 2}, {"a", 2}, {"beta", 3}, {"b", 3}, {"rc", 4}}};
  if (is_digit(part.front())) return 6;
  std::string word{part};
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (word == "pl" || word == "p") return 7;
  const auto known = std::find_if(kWords.begin(), kWords.end(), [&](const auto& one) { return word == one.first; });
  return known == kWords.end() ? 0 : known->second;
}

constexpr int kEnd = 5;

std::strong_ordering compare(std::string_view a, std::string_view b) {
  const int rank_a = a.empty() ? kEnd : rank_of(a);
  const int rank_b = b.empty() ? kEnd : rank_of(b);
  if (rank_a != rank_b || rank_a != rank_of("0")) return rank_a <=> rank_b;
  std::uint64_t number_a = 0;
  std::uint64_t number_b = 0;
  std::from_chars(a.data(), a.data() + a.size(), number_a);
  std::from_chars(b.data(), b.data() + b.size(), number_b);
  return number_a <=> number_b;
}

}  // namespace

bool is_at_least(std::string_view version, std::string_view least) {
  if (version.empty() || !is_digit(version.front())) return false;
  const std::vector<std::string_view> a = parts_of(version);
  const std::vector<std::string_view> b = parts_of(least);
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::strong_ordering order =
        compare(i < a.size() ? a[i] : std::string_view{}, i < b.size() ? b[i] : std::string_view{});
    if (order != std::strong_ordering::equal) return order == std::strong_ordering::greater;
  }
  return true;
}

}  // namespace coworker::civi
