#pragma once

#include "worker/loop_spec.h"
#include "worker/registry.h"

namespace coworker::worker {

/// The whole life of a loop worker's process, with the descriptors that its supervisor gives it (loop_spec.h); the exit
/// code.
int loop_main(const LoopSpec& spec, const Registry& registry);

}  // namespace coworker::worker
