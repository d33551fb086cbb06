#include "worker/process_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

namespace coworker::worker {

proc::ChildOptions child_of(const ProcessOptions& options) {
  static std::atomic<std::uint64_t> starts = 0;
  proc::ChildOptions child;
  child.launch.argv = options.command;
  child.launch.program = options.program;
  child.launch.environment = options.environment;
  child.launch.directory = options.directory;
  child.launch.limits = options.limits;
  child.launch.keeper = options.keeper;
  child.mark = kStartVariable;
  child.grace = options.grace;
  proc::set_variable(child.launch.environment, kStartVariable, fmt::format("{}-{}", ::getpid(), ++starts));
  return child;
}

proc::ChildOptions child_for(const ProcessOptions& options, const Job& job) {
  proc::ChildOptions child = child_of(options);
  proc::set_variable(child.launch.environment, "COWORKER_JOB_ID", job.id);
  proc::set_variable(child.launch.environment, "COWORKER_ATTEMPT", std::to_string(job.attempt));
  proc::set_variable(child.launch.environment, "COWORKER_QUEUE", job.queue);
  child.timeout = job.process_timeout;
  return child;
}

}  // namespace coworker::worker
