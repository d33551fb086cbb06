#pragma once

#include <cstdint>
#include <string>

namespace coworker::civi {

/// Whom a task runs as: a contact in a domain; 0: nobody in particular. Tasks of one identity may share a worker,
/// others never do.
struct Identity {
  std::int64_t domain = 0;
  std::int64_t contact = 0;

  friend bool operator==(const Identity&, const Identity&) = default;

  bool is_nobody() const noexcept { return contact == 0; }
};

/// The name of what serves an identity: "d1-c100".
std::string context_name(const Identity& identity);

}  // namespace coworker::civi
