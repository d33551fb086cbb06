#pragma once

#include <functional>
#include <memory>

#include "app/control_socket.h"
#include "app/daemon_run.h"

namespace coworker::app {

/// The control socket of a Daemon, with the author's methods, and the way for these to ask the daemon.
class DaemonSocket final : public service::Companion {
 public:
  /// `on_stuck`: a method of the author's did not return at the end, and its thread is left to the end of the process.
  static Result<std::unique_ptr<service::Companion>> open(async::Loop& loop, api::Backend& backend, DaemonParts& parts,
                                                          std::function<void()> on_stuck);

  DaemonSocket(DaemonParts& parts, std::unique_ptr<ControlSocket> socket, std::function<void()> on_stuck);
  ~DaemonSocket() override;

  async::Task<> stop() override;

 private:
  DaemonParts& parts_;
  std::unique_ptr<ControlSocket> socket_;
  std::function<void()> on_stuck_;
};

}  // namespace coworker::app
