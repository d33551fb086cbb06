#pragma once

#include <span>

#include "app/settings.h"
#include "base/error.h"
#include "worker/implementations.h"
#include "worker/registry.h"

namespace coworker::app {

/// The shared library that `bootstrap` names, else ./coworker_bootstrap.so, as an absolute path; empty: there is none.
std::string bootstrap_library(const Settings& settings);

/// Adds the workers of such a library that other processes talk to.
Result<> load_channel_workers(const std::string& library, worker::Implementations& into);

/// The program's own workers, and those of the shared library that `bootstrap` names (else ./coworker_bootstrap.so if
/// there is one). A library that cannot be loaded, or refuses, is an error that names it.
Result<worker::Registry> registry_with_bootstrap(const worker::Registry& own, const Settings& settings);

/// What a process does that was started for one job of such a worker: `words` are the build id of who started it, the
/// path of the library (empty: none) and the worker's name. The exit code.
int run_isolated(std::span<char* const> words, const worker::Registry& own);

/// What the process of a loop worker does; the exit code.
int run_loop_worker(const worker::Registry& own);

}  // namespace coworker::app
