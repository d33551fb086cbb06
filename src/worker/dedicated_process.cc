#include "worker/dedicated_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include <csignal>

#include "base/build.h"
#include "proc/certificate.h"
#include "proc/group.h"
#include "proc/program.h"
#include "worker/raw_channel.h"
#include "worker/start_record.h"
#include "worker/worker_process.h"

namespace coworker::worker {
namespace {

constexpr int kPipeBytes = 256 * 1024;  // so that a message of 64 KiB leaves in one piece
constexpr int kMostGroups = 1024;

struct Pipe {
  Fd read;
  Fd write;
};

Answer<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Failure{Trouble::failed, fail_errno(errno, "make a pipe").value().message()};
  // Without effect where a user has many of them.
  ::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
  return Pipe{Fd{ends[0]}, Fd{ends[1]}};
}

Answer<proc::Identity> identity_of(const std::string& user) {
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());  // NOLINT: the factory is not used from several threads at once
  if (entry == nullptr) return Failure{Trouble::invalid, fmt::format("there is no user '{}'", user)};
  std::vector<gid_t> groups(kMostGroups);
  int count = kMostGroups;
  if (::getgrouplist(user.c_str(), entry->pw_gid, groups.data(), &count) < 0) count = kMostGroups;
  groups.resize(static_cast<std::size_t>(count));
  return proc::Identity{entry->pw_uid, entry->pw_gid, std::move(groups)};
}

void ignore_broken_pipes() {
  static const bool done = [] {
    struct sigaction action{};
    if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  static_cast<void>(done);
}

/// Our own program, or another one, as a worker of that name.
Answer<Fd> fill_own(const Profile& profile, const std::string& name, proc::Launch& launch) {
  StartRecord record;
  record.name = name;
  record.arguments = profile.arguments;
  record.libraries = profile.libraries;
  record.bootstrap = profile.bootstrap;
  record.longest = profile.longest_message;
  record.deepest = profile.deepest_message;
  Result<Fd> file = write_record(record);
  if (!file) return Failure{Trouble::failed, file.error().message()};
  launch.argv = {profile.program.empty() ? "coworker" : profile.program, kDedicatedWord};
  if (profile.program.empty()) {
    const Result<int> program = proc::own_program();
    if (!program) return Failure{Trouble::failed, program.error().message()};
    launch.program = *program;
  }
  proc::set_variable(launch.environment, kWorkerVariable, name);
  return std::move(*file);
}

}  // namespace

Answer<proc::Launch> launch_of(const Profile& profile, Fd& output) {
  proc::Launch launch;
  launch.environment = proc::own_environment();
  for (const std::string& each : profile.environment) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Failure{Trouble::invalid, fmt::format("'{}' is no variable: NAME=value", each)};
    }
    proc::set_variable(launch.environment, each.substr(0, equals), each.substr(equals + 1));
  }
  launch.directory = profile.directory;
  launch.limits.memory = profile.memory;
  launch.limits.cpu = profile.cpu;
  launch.limits.open_files = profile.open_files;
  if (!profile.user.empty()) {
    Answer<proc::Identity> identity = identity_of(profile.user);
    if (!identity) return identity.failure();
    launch.identity = std::move(*identity);
  }
  if (!profile.output.empty()) {
    output.reset(::open(profile.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!output) {
      return Failure{Trouble::invalid,
                     fail_errno(errno, fmt::format("open the output '{}'", profile.output)).value().message()};
    }
  }
  return launch;
}

Answer<Started> start_dedicated(const Profile& profile, const std::string& name,
                                const std::vector<std::string>& command) {
  if (is_forgotten_worker()) {
    return Failure{Trouble::invalid,
                   "this process was itself started as a worker, and its main() has not called App::run"};
  }
  ignore_broken_pipes();
  Fd output;
  Answer<proc::Launch> launch = launch_of(profile, output);
  if (!launch) return launch.failure();
  Answer<Pipe> to = make_pipe();
  Answer<Pipe> from = make_pipe();
  if (!to || !from) return to ? from.failure() : to.failure();
  const int prints = output ? output.get() : 2;
  Fd record;
  if (command.empty()) {
    Answer<Fd> file = fill_own(profile, name, *launch);
    if (!file) return file.failure();
    record = std::move(*file);
    launch->fds = {-1, prints, prints, record.get(), to->read.get(), from->write.get()};
  } else if (profile.own_descriptors) {
    launch->argv = command;
    launch->fds = {-1, prints, prints, to->read.get(), from->write.get()};
    proc::set_variable(launch->environment, "COWORKER_IN", "/dev/fd/3");
    proc::set_variable(launch->environment, "COWORKER_OUT", "/dev/fd/4");
  } else {
    launch->argv = command;
    launch->fds = {to->read.get(), from->write.get(), prints};
  }
  Result<proc::Process> process = proc::spawn(*launch);
  if (!process) return Failure{Trouble::invalid, "start a worker: " + process.error().message()};
  Started started;
  started.process = std::make_unique<DedicatedProcess>(std::move(*process), profile.grace);
  started.line = std::make_unique<MasterLine>(
      std::move(from->read), std::move(to->write), command.empty() ? MasterLine::Kind::own : MasterLine::Kind::program,
      channel::JsonStream::Limits{profile.longest_message, profile.deepest_message});
  return started;
}

DedicatedProcess::~DedicatedProcess() {
  close();
}

bool DedicatedProcess::wait(Millis limit) const {
  const auto deadline = deadline_in(limit);
  for (;;) {
    pollfd polled{process_.pidfd.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&polled, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

const WorkerEnd& DedicatedProcess::close() {
  if (end_) return *end_;
  WorkerEnd end;
  end.pid = process_.pid;
  if (!wait(grace_)) {
    end.was_killed = true;
    proc::signal_group(process_.pid, SIGTERM);
    if (!wait(grace_)) {
      proc::signal_group(process_.pid, SIGKILL);
      wait(kForever);
    }
  }
  const Result<std::optional<proc::Ended>> ended = proc::reap(process_.pidfd.get());
  proc::kill_group(process_.pid, grace_);
  if (ended && *ended) {
    proc::Certificate certificate;
    certificate.pid = process_.pid;
    certificate.exit = (*ended)->exit;
    certificate.killed = end.was_killed ? proc::Killed::stopped : proc::Killed::no;
    certificate.usage = (*ended)->usage;
    certificate.wall = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - process_.started);
    end.text = certificate.describe();
    (certificate.exit.by_signal ? end.signal : end.exit_code) = certificate.exit.code;
  } else {
    end.text = "its end is not known: this process does not keep its children";
  }
  end_ = std::move(end);
  return *end_;
}

}  // namespace coworker::worker
