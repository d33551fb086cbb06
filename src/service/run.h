#pragma once

#include "service/config.h"
#include "worker/registry.h"

/// The three kinds of process that `coworker run` consists of. Keeper and consumers are the running program again,
/// started with a hidden command word by the supervisor; whoever has a main passes those words on:
///
///     coworker keeper      proc::keeper_main(3)
///     coworker consumer    service::consumer_main(registry)
namespace coworker::service {

inline constexpr const char* kKeeperWord = "keeper";
inline constexpr const char* kConsumerWord = "consumer";

/// Runs what `config` says until SIGTERM or SIGINT; a second one ends the wait for running jobs. Returns the exit code:
/// 0 after a stop, 1 when it could not start. Uses the calling thread, and no user code runs in this process. The store
/// must be there, or come (it is waited for).
int run_supervisor(const Config& config);

/// The whole life of a consumer process, with the descriptors that the supervisor gives it (consumer_process.h).
/// Returns the exit code.
int consumer_main(const worker::Registry& registry);

}  // namespace coworker::service
