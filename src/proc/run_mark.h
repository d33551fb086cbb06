#pragma once

#include <string>

#include "base/time.h"

namespace coworker::proc {

/// The variable by which everything that descends from a supervisor is recognised, whatever became of its group. What
/// shall outlive its supervisor must be started without it.
inline constexpr const char* kRunVariable = "COWORKER_RUN";

/// Its value for this process as supervisor: names it among all that ever ran here (pid namespace, pid, start time).
std::string make_run_mark();

/// Whether the supervisor that this mark names is dead. False for what is no mark, or of another pid namespace.
bool run_is_over(const std::string& mark);

/// Whether the keeper of a dead supervisor is still at work: what it has given time to may still run.
bool is_keeper_at_work();

/// Kills what dead supervisors have left: nothing, unless supervisor and keeper were killed together. Returns true once
/// none is left; false at the deadline.
bool kill_leftovers(Millis deadline);

}  // namespace coworker::proc
