#pragma once

#include <string>

#include "base/error.h"
#include "proc/certificate.h"
#include "worker/job.h"

namespace coworker::worker {

/// What became of an attempt whose process ended like this without a word of its own: ok only for exit code 0, whose
/// standard output is the result. The reason ends with the last line of standard error. An error: it was not started.
Outcome outcome_of(Result<proc::Certificate> end);

/// The same where an answer was due: a process that ended by itself has crashed, whatever its exit code.
Outcome outcome_without_answer(Result<proc::Certificate> end);

/// Where an answer came, it stands, however the process ended; only what we stopped and failed is not the job's fault.
Outcome outcome_with_answer(Outcome answer, Result<proc::Certificate> end);

}  // namespace coworker::worker
