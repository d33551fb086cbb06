#pragma once

#include "coworker/bootstrap.h"
#include "worker/implementations.h"
#include "worker/registry.h"

/// Channel and loop workers that are written in C, as the others are: see coworker/bootstrap.h.
namespace coworker::worker {

Implementation raw_in_c(CwRaw run, void* context);
Implementation evented_in_c(const CwEvented& functions, void* context);
LoopEntry loop_in_c(const CwLoopWorker& functions, void* context, Millis looptime);

}  // namespace coworker::worker
