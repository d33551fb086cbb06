#include "net/resp/identity.h"

#include <sys/random.h>

#include <array>
#include <cstdint>

#include "base/check.h"

namespace coworker::net::resp {

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
