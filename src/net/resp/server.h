#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/gate.h"
#include "async/loop.h"
#include "channel/address.h"
#include "net/listener.h"
#include "net/resp/node.h"
#include "net/resp/session.h"

namespace coworker::net::resp {

struct ServerOptions {
  std::vector<channel::Address> listen;
  Settings settings{};
  Limits limits{};
  std::shared_ptr<const channel::tls::Context> tls{};  // of addresses of that kind
  bool insecure = false;              // allow an address that others can reach without a password or TLS
  bool replace_sockets = false;       // the caller holds the store's lock: socket files in the way are stale
  Identity identity{};                // `node` and `run` are made up when empty; addresses are filled in
  std::function<void()> shut_down{};  // called when a client says SHUTDOWN
};

/// Serves a store to others over the Disque protocol.
///
/// Lives on the loop's thread, which is also the store's. The store must outlive it and be closed before it
/// is destroyed; between the two the loop must have run until nothing was ready, since what the store
/// answers at its close still goes to sessions. `stop` first.
class Server final : private Host {
 public:
  Server(async::Loop& loop, store::Store& store, ServerOptions options);
  ~Server() override;

  /// Opens all addresses and begins to serve, or opens none. An address that others can reach is refused
  /// unless there is a password or `insecure`.
  Result<> listen();

  /// Where it listens, with the ports that the system chose.
  std::vector<channel::Address> addresses() const;

  /// Accepts nobody and executes nothing more; blocked claims get LEAVING; replies that are owed are sent, for
  /// `drain` at most; then every connection is closed.
  async::Task<> stop(Millis drain);

  Node& node() noexcept { return node_; }

 private:
  // Host
  void later(Session& session) override;
  void after(Millis delay, std::function<void()> work) override;
  void pause(Millis duration) override;
  void ended(Session& session) override;
  void shut_down() override;

  async::Task<> accept(Listener* listener);
  async::Task<> tick();
  async::Task<> run_after(Millis delay, std::function<void()> work);
  void admit(Fd socket, Peer peer);
  void turns();
  void post_turns();

  async::Loop& loop_;
  ServerOptions options_;
  Node node_;
  std::vector<Listener> listeners_;
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;  // until they have ended
  std::vector<Session*> scheduled_;
  std::vector<std::uint64_t> ended_;
  std::uint64_t next_id_ = 1;
  std::uint64_t pauses_ = 0;  // only the end of the last one counts
  bool turns_posted_ = false;
  bool stopping_ = false;
  std::vector<std::unique_ptr<boost::asio::posix::stream_descriptor>> waits_;  // on listeners
  async::Event stopped_;
  async::Event all_ended_;
  async::Gate gate_;
};

}  // namespace coworker::net::resp
