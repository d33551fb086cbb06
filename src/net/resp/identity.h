#pragma once

#include <cstdint>
#include <string>

namespace coworker::net::resp {

/// Who this server says it is. Set before it serves, and not changed then.
struct Identity {
  std::string node;     // 40 hex digits
  std::string run;      // 40 hex digits, new at each start
  std::string version;  // of the program
  std::string build;
  std::uint16_t port = 0;  // of the first TCP listener; 0: none
  std::string unix_path;   // of the first unix listener
  std::string directory;   // of the store, when it has one
  std::string url;         // of the store
  std::string durability;  // as Disque's appendfsync says it: always, everysec or no
};

/// Forty random hex digits.
std::string random_node();

}  // namespace coworker::net::resp
