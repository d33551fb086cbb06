#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "channel/resp/request_decoder.h"
#include "net/resp/identity.h"
#include "net/resp/lease_table.h"
#include "net/resp/settings.h"
#include "net/resp/stats.h"
#include "net/resp/watch_logs.h"
#include "store/store.h"

namespace coworker::net::resp {

class Session;

/// What sessions ask of the server that owns them. On the loop's thread.
class Host {
 public:
  virtual ~Host() = default;

  /// Gives the session a turn once the loop has dealt with what is ready now; once, however often asked.
  virtual void later(Session& session) = 0;

  /// Runs `work` after `delay`, unless the server has stopped by then.
  virtual void after(Millis delay, std::function<void()> work) = 0;

  /// No request of any connection is carried out for that long.
  virtual void pause(Millis duration) = 0;

  /// The session is closed and nothing will call it any more: destroy it, not before this returns.
  virtual void ended(Session& session) = 0;

  /// SHUTDOWN was asked for.
  virtual void shut_down() = 0;
};

/// The one node that all connections of a server talk to: what commands see beside their own session.
/// Plain state; the loop's thread only.
struct Node {
  Node(store::Store& store_of_it, Host& host_of_it, Identity who, Settings set, Limits bounds)
      : store{store_of_it}, host{host_of_it}, identity{std::move(who)}, settings{std::move(set)}, limits{bounds} {}

  store::Store& store;
  Host& host;
  Identity identity;
  Settings settings;
  Limits limits;
  Stats stats{};
  SlowLog slow_log{};
  LatencyLog latency_log{};
  LeaseTable leases{};
  std::map<std::uint64_t, Session*> sessions{};  // open ones, by client id
  std::vector<Session*> monitors{};
  std::int64_t started = wall_millis();
  std::uint64_t next_ticket = 1ULL << 48;  // of blocking claims
  bool leaving = false;
  bool paused = false;
  bool store_troubled = false;  // an add was refused because the store cannot write; asked again by PING

  // Shared by the connections while they have a turn, so that an idle one costs next to nothing.
  std::vector<char> input = std::vector<char>(256 * 1024);
  channel::resp::RequestDecoder decoder{};
  std::vector<std::string> spare_outputs{};
  std::string discarded{};            // where silenced replies are written
  std::size_t buffered_requests = 0;  // bytes of unfinished requests, beyond what is free of charge
};

}  // namespace coworker::net::resp
