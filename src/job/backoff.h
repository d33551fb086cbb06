#pragma once

#include <cstdint>

#include "base/time.h"

namespace coworker::job {

/// How long a failed job waits before its next attempt; `retries` is how often it was retried so far, `roll` is
/// uniform in [0, 1).
///
///   retries 0        0: the first retry is immediate
///   4^retries        while that is at most 90,000 s, plus up to a tenth of it (whole seconds, evenly)
///   90,000 s         after that, minus up to a tenth of it: about once a day
///
/// So a job that keeps failing is retried 3 times in the first minute, 6 in the first hour, 8 in the first day
/// and 38 in 30 days, if its lifetime and its retry limit let it.
Seconds backoff(std::uint32_t retries, double roll);

}  // namespace coworker::job
