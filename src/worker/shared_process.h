#pragma once

#include "worker/implementations.h"

namespace coworker::worker {

/// The process of a shared worker, as it is started with a record, the start lock and a pipe for the result. Returns
/// the exit code of the worker; in the process that was started, at once, since the worker goes on in a child of it
/// that nobody has to wait for.
int run_shared_process(const Implementations& implementations);

/// What is told through that pipe: one of these, and a text for all but the first two. Nothing: it died.
inline constexpr char kListens = 'k';
inline constexpr char kExecutes = 'x';  // a program, unless a failure follows
inline constexpr char kDisabled = 'd';
inline constexpr char kTaken = 'c';
inline constexpr char kFailed = 'f';

}  // namespace coworker::worker
