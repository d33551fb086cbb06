#pragma once

#include <optional>

#include "worker/implementations.h"
#include "worker/server.h"
#include "worker/start_record.h"

namespace coworker::worker {

/// Runs this process as the channel worker that its arguments ask for; the exit code. nullopt: they ask for something
/// else. Called first thing in App::run.
///
///     PROGRAM dedicated-worker           as a WorkerFactory starts it, with a record on descriptor 3
///     PROGRAM dedicated-worker NAME [ARGUMENTS]     on standard input and output, for other masters
///     PROGRAM shared-worker              as it is started for an address
std::optional<int> run_worker_process(int argc, char** argv, const Implementations& implementations);

/// Whether this process was started as a worker and has not come to App::run.
bool is_forgotten_worker();

/// The worker's life in a process that is already all it has to be.
int run_dedicated(const StartRecord& record, Server::Pipes pipes, const Implementations& implementations);

/// An evented worker of this program, made; an error is also what its construction threw.
Result<std::unique_ptr<EventedWorker>> make_evented(const StartRecord& record, const Implementations& implementations);

Server::Options options_of(const StartRecord& record);

}  // namespace coworker::worker
