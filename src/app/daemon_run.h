#pragma once

#include <functional>

#include "app/daemon_calls.h"
#include "app/daemon_events.h"
#include "app/daemon_keys.h"
#include "coworker/methods.h"
#include "worker/registry.h"

namespace coworker::app {

/// What a Daemon is told before it runs.
struct DaemonParts {
  DaemonKeys keys;
  worker::Registry workers;
  Methods methods;
  DaemonEvents events;
  DaemonCalls calls;
  std::function<void()> setup;  // may be empty
  bool running = false;
};

/// Does what the command line says; the exit code. Where a function of the author's does not return at the stop, this
/// process ends here.
int run_daemon(DaemonParts& parts, int argc, char** argv);

}  // namespace coworker::app
