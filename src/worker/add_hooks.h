#pragma once

#include <string>

#include "base/error.h"
#include "coworker/producer.h"
#include "job/new_job.h"
#include "worker/hooks.h"

/// A program's own functions around one add, wherever it is made.
namespace coworker::worker {

/// What a caller is told of a store's answer to an add to `queue`.
Added added_of(const Result<job::Answer>& answer, const std::string& queue);
Added not_added(const Error& error);

/// `options` as they say how a job is treated; queue, body and the rest stay.
void set_options(job::NewJob& job, AddOptions options);

/// The hooks may change how the job is treated, but not what it is; what one changed before it threw counts for
/// nothing.
void call_before_add(const Hooks& hooks, job::NewJob& job);

void call_after_add(const Hooks& hooks, const job::NewJob& job, const Added& added);

}  // namespace coworker::worker
