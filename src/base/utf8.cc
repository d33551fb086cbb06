#include "base/utf8.h"

namespace coworker {
namespace {

bool is_continuation(unsigned char c) {
  return (c & 0xc0u) == 0x80;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return is_continuation(static_cast<unsigned char>(second)) ? 2 : 0;
  const auto is_rest = [&](std::size_t i) { return is_continuation(static_cast<unsigned char>(byte(i))); };
  if (first >= 0xe0 && first <= 0xef) {
    const bool in_range = second >= (first == 0xe0 ? 0xa0u : 0x80u) && second <= (first == 0xed ? 0x9fu : 0xbfu);
    return in_range && is_rest(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool in_range = second >= (first == 0xf0 ? 0x90u : 0x80u) && second <= (first == 0xf4 ? 0x8fu : 0xbfu);
    return in_range && is_rest(2) && is_rest(3) ? 4 : 0;
  }
  return 0;
}

std::size_t first_not_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return at;
}

}  // namespace coworker
