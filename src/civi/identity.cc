#include "civi/identity.h"

#include <fmt/format.h>

namespace coworker::civi {

std::string context_name(const Identity& identity) {
  return fmt::format("d{}-c{}", identity.domain, identity.contact);
}

}  // namespace coworker::civi
