#include "store/capabilities.h"

#include <array>
#include <utility>

namespace coworker::store {
namespace {

constexpr std::array kNames{
    std::pair{std::string_view{"fencing"}, &Capabilities::fencing},
    std::pair{std::string_view{"delayed_retry"}, &Capabilities::delayed_retry},
    std::pair{std::string_view{"groups"}, &Capabilities::groups},
    std::pair{std::string_view{"unique"}, &Capabilities::unique},
    std::pair{std::string_view{"idempotency"}, &Capabilities::idempotency},
    std::pair{std::string_view{"registers"}, &Capabilities::registers},
    std::pair{std::string_view{"priorities"}, &Capabilities::priorities},
    std::pair{std::string_view{"bury"}, &Capabilities::bury},
    std::pair{std::string_view{"history"}, &Capabilities::history},
    std::pair{std::string_view{"owners"}, &Capabilities::owners},
    std::pair{std::string_view{"revival"}, &Capabilities::revival},
};
static_assert(kNames.size() == sizeof(Capabilities), "each has a name");

}  // namespace

std::string features_of(const Capabilities& capabilities) {
  std::string features;
  for (const auto& [name, member] : kNames) {
    if (!(capabilities.*member)) continue;
    if (!features.empty()) features += ' ';
    features += name;
  }
  return features;
}

bool has_feature(std::string_view features, std::string_view name) {
  while (!features.empty()) {
    const std::size_t blank = features.find(' ');
    if (features.substr(0, blank) == name) return true;
    if (blank == std::string_view::npos) break;
    features.remove_prefix(blank + 1);
  }
  return false;
}

Capabilities capabilities_of(std::string_view features) {
  Capabilities capabilities;
  for (const auto& [name, member] : kNames) capabilities.*member = has_feature(features, name);
  return capabilities;
}

}  // namespace coworker::store
