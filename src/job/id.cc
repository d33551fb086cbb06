#include "job/id.h"

#include <algorithm>

namespace coworker::job {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789abcdef";

constexpr std::array<std::int8_t, 256> reverse(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}
constexpr auto kBase64Value = reverse(kBase64);
constexpr auto kHexValue = reverse(kHex);

void write_hex(std::uint32_t value, int digits, char* out) {
  for (int i = digits - 1; i >= 0; --i, value >>= 4) out[i] = kHex[value & 15];
}

/// False when a character is not a digit of the alphabet.
bool read_hex(std::string_view text, std::uint32_t& value) {
  value = 0;
  for (const char c : text) {
    const int digit = kHexValue[static_cast<unsigned char>(c)];
    if (digit < 0) return false;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return true;
}

}  // namespace

std::uint16_t id_ttl(std::int64_t ttl_seconds, bool retried) {
  const auto minutes = static_cast<std::uint16_t>(std::clamp<std::int64_t>(ttl_seconds / 60, 0, 65535));
  return static_cast<std::uint16_t>(retried ? minutes | 1 : minutes & ~1);
}

void write_id(const JobId& id, char* out) {
  std::array<std::uint8_t, 18> bytes{};
  const auto key = static_cast<std::uint64_t>(id.key);
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(key >> (56 - 8 * i));
  std::copy(id.salt.begin(), id.salt.end(), bytes.begin() + 8);
  out[0] = 'D';
  out[1] = out[10] = out[35] = '-';
  write_hex(id.node, 8, out + 2);
  char* to = out + 11;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t bits = static_cast<std::uint32_t>(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);
    for (int shift = 18; shift >= 0; shift -= 6) *to++ = kBase64[bits >> shift & 63];
  }
  write_hex(id.ttl, 4, out + 36);
}

std::string to_string(const JobId& id) {
  std::string text(40, '\0');
  write_id(id, text.data());
  return text;
}

std::optional<JobId> parse_id(std::string_view text) {
  if (text.size() != 40 || text[0] != 'D' || text[1] != '-' || text[10] != '-' || text[35] != '-') return std::nullopt;
  constexpr JobId kNobody{};  // key 0 is never handed out
  JobId id;
  std::uint32_t ttl = 0;
  if (!read_hex(text.substr(2, 8), id.node) || !read_hex(text.substr(36, 4), ttl)) return kNobody;
  id.ttl = static_cast<std::uint16_t>(ttl);
  std::array<std::uint8_t, 18> bytes{};
  for (std::size_t i = 0; i < 6; ++i) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const int digit = kBase64Value[static_cast<unsigned char>(text[11 + 4 * i + j])];
      if (digit < 0) return kNobody;
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
    }
    bytes[3 * i] = static_cast<std::uint8_t>(bits >> 16);
    bytes[3 * i + 1] = static_cast<std::uint8_t>(bits >> 8);
    bytes[3 * i + 2] = static_cast<std::uint8_t>(bits);
  }
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i) key = key << 8 | bytes[i];
  id.key = static_cast<Key>(key);
  std::copy(bytes.begin() + 8, bytes.end(), id.salt.begin());
  return id;
}

}  // namespace coworker::job
