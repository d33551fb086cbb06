#pragma once

#include <sys/types.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/gate.h"
#include "async/loop.h"
#include "channel/address.h"
#include "channel/tls/context.h"
#include "net/listener.h"
#include "net/rpc/session.h"

namespace coworker::net::rpc {

struct Place {
  channel::Address address;
  Dialect dialect = Dialect::standard;
  std::string token;  // empty: none is wanted
  api::Access access = api::Access::operate;
  mode_t mode = 0600;                                // of a unix socket's file
  std::shared_ptr<const channel::tls::Context> tls;  // of an address of that kind
};

struct ServerOptions {
  std::vector<Place> listen;
  Limits limits;
  bool insecure = false;               // allow an address that others can reach without a token
  bool replace_sockets = false;        // the caller knows that socket files in the way are stale
  std::function<void()> on_connect{};  // a client was admitted; may be empty
  std::function<void()> on_hangup{};   // and has gone
};

/// Serves a directory of methods to clients.
///
/// Lives on the loop's thread. Await `stop` before it is destroyed, once `listen` has succeeded.
class Server {
 public:
  Server(async::Loop& loop, Directory& directory, ServerOptions options);
  ~Server();

  /// Opens all addresses and begins to serve, or opens none. An address that others can reach is refused unless it
  /// wants a token or clients' certificates, or `insecure`.
  Result<> listen();

  /// Where it listens, with the ports that the system chose.
  std::vector<channel::Address> addresses() const;

  /// Accepts nobody; requests that are being carried out are answered, for `drain` at most; then everything is closed.
  async::Task<> stop(Millis drain);

 private:
  struct Door {
    Door(async::Loop& loop, Listener opened, const Place& of)
        : listener{std::move(opened)}, place{of}, wait{loop, listener.descriptor()} {}
    ~Door() { wait.release(); }

    Listener listener;
    const Place& place;
    boost::asio::posix::stream_descriptor wait;  // of the listener's descriptor
  };

  async::Task<> accept(Door* door);
  async::Task<> serve(std::uint64_t id, Session* session);
  async::Task<> tick();
  void admit(Fd socket, const Peer& peer, const Place& place);

  async::Loop& loop_;
  Directory& directory_;
  ServerOptions options_;
  Node node_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::uint64_t last_id_ = 0;
  bool stopping_ = false;
  async::Event stopped_;
  async::Event empty_;  // no session is left
  async::Gate gate_;
};

}  // namespace coworker::net::rpc
