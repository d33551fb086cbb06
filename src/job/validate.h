#pragma once

#include "base/error.h"
#include "base/time.h"
#include "job/command.h"

namespace coworker::job {

/// Limits of what a store takes; all are refused with a message that says what is allowed.
inline constexpr std::size_t kMostBody = 512u << 20;         // bytes, as Disque's protocol
inline constexpr std::size_t kMostName = 64u << 10;          // queue, group, keys, register: bytes
inline constexpr std::size_t kMostEvent = 256u << 10;        // an event of the history: bytes
inline constexpr std::int64_t kMostSeconds = 3'155'760'000;  // ttl, delay, retry, leases: 100 years

/// invalid_argument when the command can never be carried out, whatever the store holds. Checks that
/// times stay within what the records hold (expiry before the year 2106).
Result<> validate(const Command& command, Time now);

}  // namespace coworker::job
