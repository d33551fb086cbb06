#include "worker/shared_master.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "channel/tls/handshakes.h"
#include "proc/group.h"
#include "proc/program.h"
#include "worker/dedicated_process.h"
#include "worker/kill_switch.h"
#include "worker/raw_channel.h"
#include "worker/shared_process.h"
#include "worker/start_record.h"
#include "worker/worker_process.h"

namespace coworker::worker {
namespace {

constexpr Millis kFirstPause{1};
constexpr Millis kLongestPause{20};

Failure failed(const Error& error, Trouble trouble = Trouble::failed) {
  return {trouble, error.message()};
}

Failure connect_failure(const Error& error) {
  if (error.code() == Errc::not_found) return failed(error, Trouble::unreachable);
  if (error.code() == Errc::denied) return failed(error, Trouble::denied);
  if (error.code() == Errc::invalid_argument) return failed(error, Trouble::invalid);
  return failed(error, error.code() == Errc::unavailable ? Trouble::timed_out : Trouble::failed);
}

Result<Fd> reach(const SharedStart& start, Deadline deadline) {
  const Tls& tls = start.profile.tls;
  return worker::reach(start.address, {tls.certificate, tls.key, tls.ca, tls.verify, tls.name}, deadline);
}

/// Waits for its turn to start the worker at an address; somebody else's turn may end with one that listens.
Answer<Fd> open_lock(const channel::Address& address) {
  const Result<std::string> path = lock_path_of(address);
  if (!path) return failed(path.error());
  Fd lock{::open(path->c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!lock) return failed(fail_errno(errno, fmt::format("open the start lock '{}'", *path)).value());
  return lock;
}

bool try_lock(const Fd& lock) {
  return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

/// All that the process tells about its start, until it closes the pipe or listens.
std::string read_result(const Fd& pipe, Deadline deadline) {
  std::string text;
  for (;;) {
    pollfd polled{pipe.get(), POLLIN, 0};
    const Deadline now = Deadline::clock::now();
    const auto left = std::chrono::ceil<Millis>(std::max(deadline, now) - now).count();
    const int ready = ::poll(&polled, 1, static_cast<int>(std::min<std::int64_t>(left, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return "t";
    char part[4096];
    const ssize_t got = ::read(pipe.get(), part, sizeof part);
    if (got <= 0) return text;
    text.append(part, static_cast<std::size_t>(got));
    if (text.front() == kListens) return text;
  }
}

Answer<> answer_of(std::string result) {
  if (result.empty()) {
    return Failure{Trouble::failed,
                   "the shared worker ended before it listened: does main() call coworker::App::run "
                   "before anything else?"};
  }
  const char what = result.front();
  result.erase(0, 1);
  if (what == kListens || (what == kExecutes && result.empty())) return {};
  if (what == kExecutes) result.erase(0, 1);
  if (what == 't') return Failure{Trouble::timed_out, "the shared worker did not listen in time"};
  return Failure{what == kDisabled ? Trouble::disabled : Trouble::failed, result};
}

Answer<Fd> record_for(const SharedStart& start) {
  StartRecord record;
  record.name = start.name;
  record.command = start.command;
  record.address = to_string(start.address);
  record.arguments = start.profile.arguments;
  record.libraries = start.profile.libraries;
  record.bootstrap = start.profile.bootstrap;
  record.longest = start.profile.longest_message;
  record.deepest = start.profile.deepest_message;
  record.kill_switch = start.profile.kill_switch;
  record.drain_ms = start.profile.drain.count();
  record.insecure = start.profile.insecure;
  record.tls_certificate = start.profile.tls_certificate;
  record.tls_key = start.profile.tls_key;
  record.tls_client_ca = start.profile.tls_client_ca;
  record.socket = {start.profile.socket_mode, start.profile.backlog, start.profile.keep_alive.count()};
  const Answer<std::string> cookie = cookie_of(start.profile);
  if (!cookie) return cookie.failure();
  record.cookie = *cookie;
  Result<Fd> file = write_record(record);
  if (!file) return failed(file.error());
  return std::move(*file);
}

/// Requires the lock.
Answer<> launch(const SharedStart& start, const Fd& lock, Deadline deadline) {
  if (is_forgotten_worker()) {
    return Failure{Trouble::invalid,
                   "this process was itself started as a worker, and its main() has not called App::run"};
  }
  Fd output;
  Answer<proc::Launch> launch = launch_of(start.profile, output);
  if (!launch) return launch.failure();
  Answer<Fd> record = record_for(start);
  if (!record) return record.failure();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed(fail_errno(errno, "make a pipe").value());
  Fd result{ends[0]};
  Fd theirs{ends[1]};
  const bool is_own = start.profile.program.empty() || !start.command.empty();
  launch->argv = {is_own ? "coworker" : start.profile.program, kSharedWord};
  if (is_own) {
    const Result<int> program = proc::own_program();
    if (!program) return failed(program.error());
    launch->program = *program;
  }
  proc::set_variable(launch->environment, kWorkerVariable, start.name);
  launch->fds = {-1, output ? output.get() : -1, output ? output.get() : -1, record->get(), lock.get(), theirs.get()};
  launch->grouping = proc::Grouping::own_session;
  launch->dies_with_parent = false;
  const Result<proc::Process> process = proc::spawn(*launch);
  if (!process) return Failure{Trouble::invalid, "start a shared worker: " + process.error().message()};
  theirs.reset();
  std::string told = read_result(result, deadline);
  // One that is too late must not listen when nobody expects it any more.
  if (told == "t") proc::signal_group(process->pid, SIGKILL);
  // The process that was started ends as soon as the worker is a process of its own.
  ::waitpid(process->pid, nullptr, 0);
  return answer_of(std::move(told));
}

}  // namespace

Answer<std::string> cookie_of(const Profile& profile) {
  if (!profile.admin_cookie.empty()) return profile.admin_cookie;
  if (!profile.cookie_file.empty()) {
    Result<std::string> cookie = read_secret(profile.cookie_file);
    if (!cookie) return failed(cookie.error(), Trouble::invalid);
    return std::move(*cookie);
  }
  const char* given = std::getenv("COWORKER_ADMIN_COOKIE");
  return std::string{given == nullptr ? "" : given};
}

Answer<Fd> connect_or_start(const SharedStart& start, Deadline deadline) {
  Result<Fd> fd = reach(start, deadline);
  if (fd) return std::move(*fd);
  if (fd.error().code() != Errc::not_found || !start.may_start() || !is_here(start.address)) {
    return connect_failure(fd.error());
  }
  Answer<Fd> lock = open_lock(start.address);
  if (!lock) return lock.failure();
  for (Millis pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    const bool is_ours = try_lock(*lock);
    fd = reach(start, deadline);
    if (fd) return std::move(*fd);
    if (fd.error().code() != Errc::not_found) return connect_failure(fd.error());
    if (is_ours) break;
    if (Deadline::clock::now() >= deadline) {
      return Failure{Trouble::timed_out, fmt::format("somebody else is starting the worker of {} and does not get on",
                                                     to_string(start.address))};
    }
    std::this_thread::sleep_for(pause);
  }
  if (const Answer<> launched = launch(start, *lock, deadline); !launched) return launched.failure();
  fd = reach(start, deadline);
  if (!fd) return connect_failure(fd.error());
  return std::move(*fd);
}

Answer<> start_shared(const SharedStart& start, Deadline deadline) {
  if (!is_here(start.address)) {
    return Failure{
        Trouble::invalid,
        fmt::format("{} is not on this machine: a worker can be started only where it runs", to_string(start.address))};
  }
  const Answer<Fd> lock = open_lock(start.address);
  if (!lock) return lock.failure();
  for (Millis pause = kFirstPause; !try_lock(*lock); pause = std::min(2 * pause, kLongestPause)) {
    if (Deadline::clock::now() >= deadline) return Failure{Trouble::timed_out, "somebody else is starting it"};
    std::this_thread::sleep_for(pause);
  }
  const Result<Fd> fd = connect_to(start.address, deadline);
  if (fd) {
    return Failure{Trouble::failed, fmt::format("a worker listens on {} already", to_string(start.address))};
  }
  if (fd.error().code() != Errc::not_found) return connect_failure(fd.error());
  return launch(start, *lock, deadline);
}

}  // namespace coworker::worker
