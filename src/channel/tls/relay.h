#pragma once

#include <memory>
#include <set>
#include <string>
#include <thread>

#include "async/gate.h"
#include "async/loop.h"
#include "base/fd.h"
#include "channel/tls/context.h"

namespace coworker::channel::tls {

class Link;
struct Port;

/// The thread of a process that does TLS: it shakes hands and carries bytes between encrypted connections and the plain
/// sockets that it hands over (hand_over.h). Nobody else touches a connection of it.
///
/// Thread safety: `serve` and `connect` from any thread.
class Relay {
 public:
  /// Started when first asked for. At the end of the program what was written to it still leaves, for a while.
  static Relay& of_this_process();

  /// Until nobody holds the other end of `results`.
  void serve(Fd listener, Fd results, std::shared_ptr<const Context> context);
  void connect(Fd socket, Fd results, std::shared_ptr<const Context> context, std::string host);

  ~Relay();

 private:
  Relay();

  async::Task<> accept(std::shared_ptr<Port> port);
  async::Task<> admit(std::shared_ptr<Port> port, std::shared_ptr<Link> link, std::string name);
  async::Task<> carry(std::shared_ptr<Link> link);
  void end();

  async::Loop loop_{1};
  std::unique_ptr<boost::asio::executor_work_guard<async::Loop::executor_type>> work_;
  async::Gate gate_;
  std::set<std::shared_ptr<Port>> ports_;
  std::set<std::shared_ptr<Link>> links_;
  std::thread thread_;
};

}  // namespace coworker::channel::tls
