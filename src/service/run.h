#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/backend.h"
#include "async/loop.h"
#include "base/error.h"
#include "service/config.h"
#include "worker/registry.h"

/// The kinds of process that `coworker run` consists of. Keeper and consumers are the running program again,
/// started with a hidden command word by the supervisor; whoever has a main passes those words on:
///
///     coworker keeper      proc::keeper_main(3)
///     coworker consumer    service::consumer_main(registry)
///     coworker isolated …  isolated_main(words, registry): a job of a C++ worker, started by a consumer
///     coworker loop-worker worker::loop_main(spec, registry)
namespace coworker::service {

inline constexpr const char* kKeeperWord = "keeper";
inline constexpr const char* kConsumerWord = "consumer";
inline constexpr const char* kIsolatedWord = "isolated";
inline constexpr const char* kLoopWord = "loop-worker";

/// The configuration, read again; `notes` say what of it cannot take effect before the next start.
struct Reloaded {
  Config config;
  std::vector<std::string> notes;
};
using Reload = std::function<Result<Reloaded>()>;

/// What runs beside the supervisor, on its loop, and may ask it everything: the control socket.
class Companion {
 public:
  virtual ~Companion() = default;
  /// Before the loop ends.
  virtual async::Task<> stop() = 0;
};
using MakeCompanion = std::function<Result<std::unique_ptr<Companion>>(async::Loop& loop, api::Backend& backend)>;
/// What the program around a supervisor is told; on the supervisor's thread.
struct RunEvents {
  std::function<void()> on_ready;             // everything was started
  std::vector<int> signals;                   // caught beside those that mean something to the supervisor
  std::function<void(int number)> on_signal;  // each that came, before it takes effect
};

/// Runs what `config` says until SIGTERM or SIGINT; a second one ends the wait for running jobs. Returns the exit code:
/// 0 after a stop, 1 when it could not start. Uses the calling thread, and no user code runs in this process. The store
/// must be there, or come (it is waited for).
///
/// Systemd is told the life of the service.
///
/// `make_companion` is called before anything is started; when it fails nothing is.
///
/// SIGHUP: `reload` is asked, if there is one, and what has changed is applied without losing a job; after an error
/// nothing changes. It also opens the log again, as SIGUSR1 does alone. What came of it is in the log, and the answer
/// to who asked for it over the control socket.
int run_supervisor(Config config, Reload reload, RunEvents events = {}, MakeCompanion make_companion = {});

/// The whole life of a consumer process, with the descriptors that the supervisor gives it (consumer_process.h).
/// Returns the exit code.
int consumer_main(const worker::Registry& registry);

}  // namespace coworker::service
