#include "net/resp/glob.h"

#include <cstddef>

namespace coworker::net::resp {
namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether `c` is in the set that begins behind the `[` at `at`, which moves behind the `]`.
bool in_set(std::string_view pattern, std::size_t& at, char c) {
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    const char low = lower(pattern[at++]);
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = lower(pattern[at + 1]);
      at += 2;
    }
    found = found || (c >= low && c <= high) || (c >= high && c <= low);
  }
  if (at < pattern.size()) ++at;
  return found != negated;
}

/// Whether the one element of the pattern at `at`, which is no `*`, matches `c`; moves behind it.
bool matches_one(std::string_view pattern, std::size_t& at, char c) {
  const char first = pattern[at++];
  if (first == '?') return true;
  if (first == '[') return in_set(pattern, at, lower(c));
  if (first == '\\' && at < pattern.size()) return lower(pattern[at++]) == lower(c);
  return lower(first) == lower(c);
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t position = 0;
  std::size_t star = std::string_view::npos;  // behind the last `*`
  std::size_t retry = 0;                      // where it ends its run so far
  while (position < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      retry = position;
      continue;
    }
    if (at < pattern.size() && matches_one(pattern, at, text[position])) {
      ++position;
      continue;
    }
    if (star == std::string_view::npos) return false;
    at = star;
    position = ++retry;
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace coworker::net::resp
