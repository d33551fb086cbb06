#pragma once

#include <atomic>
#include <cstdint>

namespace coworker::service {

/// From now on a fatal signal (SIGSEGV, SIGABRT, …) first sets kFaulted in the slot that its thread works for, and
/// then ends the process as it always does. Once, at the start of a consumer.
void watch_faults();

/// What the calling thread works for; nullptr: nothing.
void set_fault_flags(std::atomic<std::uint32_t>* flags);

}  // namespace coworker::service
