#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coworker::net::resp {

/// Another node that clients may use as well. Nodes do not speak with each other: each holds its own jobs.
struct OtherNode {
  std::string node;  // 40 hex digits
  std::string host;
  std::uint16_t port = 0;
};

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
  std::vector<OtherNode> peers;
  std::string durability;  // as Disque's appendfsync says it: always, everysec or no
};

/// Stands for the id of a node that was named by its address and not asked. Its jobs' ids begin otherwise.
std::string node_at(const std::string& host, std::uint16_t port);

/// Forty random hex digits.
std::string random_node();

}  // namespace coworker::net::resp
