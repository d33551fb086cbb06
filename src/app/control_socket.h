#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/settings.h"
#include "async/loop.h"
#include "base/fd.h"
#include "coworker/methods.h"
#include "net/rpc/server.h"
#include "service/run.h"

namespace coworker::app {

/// Where a control socket is looked for, and how its callers are known.
struct ControlPlace {
  std::string address;
  std::string token_file;  // empty: none
};

/// What the configuration says of the control socket. `is_usual`: it says nothing, so it is where everybody looks, and
/// need not be had: then it may have no address either.
struct ControlOptions {
  net::rpc::ServerOptions server;
  bool is_usual = false;
};
/// `store`: the URL of the one that is used; empty: none.
Result<ControlOptions> control_options(const Settings& settings, const std::string& store, bool insecure);

/// Those that the configuration names, else the usual ones.
std::vector<ControlPlace> control_places(const Settings& settings);

/// The control socket of a supervisor.
///
/// Lives on its loop.
class ControlSocket final : public service::Companion {
 public:
  /// Opens the addresses, after taking the lock beside each unix socket: what a living program has is left to it
  /// (conflict), what a dead one left is replaced. Where only the usual place is taken there is none, with a warning.
  static Result<std::unique_ptr<service::Companion>> open(async::Loop& loop, api::Backend& backend,
                                                          ControlOptions options, const Methods& own);

  ControlSocket(async::Loop& loop, api::Backend& backend, const Methods& own);
  ~ControlSocket() override;

  /// As open, without the usual place.
  Result<> listen(net::rpc::ServerOptions options);

  async::Task<> stop() override;

  /// After `stop`: whether all own methods have returned within `limit`. Blocks. As long as one has not, this object
  /// cannot be destroyed.
  bool finish(Millis limit) { return directory_.finish(limit); }

 private:
  struct Lock {
    std::string path;
    Fd fd;
  };

  void let_go();
  static Result<Lock> lock(const channel::Address& address);

  async::Loop& loop_;
  net::rpc::Directory directory_;
  std::unique_ptr<net::rpc::Server> server_;  // null: there is none
  std::vector<Lock> locks_;
};

}  // namespace coworker::app
