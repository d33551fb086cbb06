#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace coworker::net::resp {

/// What CONFIG can change while the server runs, and the limits of every connection.
struct Settings {
  std::string password;  // empty: none is needed
  std::uint32_t max_clients = 10'000;
  std::int64_t idle_timeout = 0;      // seconds without a request until a client is closed; 0: never
  std::int64_t tcp_keepalive = 300;   // seconds; 0: off
  std::int64_t slower_than = 10'000;  // microseconds from which SLOWLOG keeps a request; negative: none
  std::int64_t slow_entries = 128;
  std::int64_t latency_threshold = 0;  // milliseconds from which LATENCY notes a request; 0: off
  std::int64_t cluster_node_timeout = 15'000;
  std::int64_t hz = 10;
  std::uint64_t max_memory = 0;  // shown, not acted upon: jobs wait on disk

  /// Replies that a client does not fetch: it is closed at `hard` bytes, or when it has fetched nothing for
  /// `soft_for` while there were more than `soft`. 0: no such limit.
  struct OutputLimit {
    std::uint64_t hard = 1024ULL << 20;
    std::uint64_t soft = 4ULL << 20;
    Seconds soft_for{60};
  };
  OutputLimit output{};
};

/// What a connection may hold. The first two stop it from being read, so that its client waits.
struct Limits {
  std::size_t open_replies = 16 * 1024;
  std::size_t unsent = 256 * 1024;
  std::size_t open_claims = 64;
  std::size_t read_ahead = 64 * 1024;      // while a request of it waits
  std::size_t request = 1UL << 30;         // bytes of one unfinished request
  std::size_t all_requests = 1UL << 30;    // of all connections' unfinished requests together
  std::size_t free_of_charge = 16 * 1024;  // of each, not counted there
  std::uint32_t requests_per_turn = 8192;
};

}  // namespace coworker::net::resp
