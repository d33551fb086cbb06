#include "net/resp/identity.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cstdint>

#include "base/check.h"

namespace coworker::net::resp {

std::string node_at(const std::string& host, std::uint16_t port) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325 ^ port;
  std::string node;
  while (node.size() < 40) {
    for (const char each : host) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100'0000'01b3;
    node += fmt::format("{:016x}", hash);
  }
  return node.substr(0, 40);
}

std::string random_node() {
  std::array<std::uint8_t, 20> bytes{};
  CW_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

}  // namespace coworker::net::resp
