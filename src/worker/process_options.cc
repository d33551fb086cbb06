#include "worker/process_options.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

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

Result<Fd> file_of(std::string_view text) {
  Fd file{::memfd_create("job", MFD_CLOEXEC)};
  if (!file) return fail_errno(errno, "make a file for the job");
  while (!text.empty()) {
    const ssize_t wrote = ::write(file.get(), text.data(), text.size());
    if (wrote < 0 && errno != EINTR) return fail_errno(errno, "write the job");
    if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

}  // namespace coworker::worker
