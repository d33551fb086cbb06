#pragma once

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "job/command.h"
#include "job/new_job.h"

/// What can be asked of a running system, whoever asks: the control socket, the dashboard, a program's own code. How
/// the operations are named to others, and what they take, is in operation.h.
namespace coworker::api {

/// The first four have the numbers that they have in every protocol.
enum class LoopState : std::uint8_t {
  spinup = 0,
  looping = 1,
  paused = 2,
  spindown = 3,
  exited,   // it was stopped, or has ended and is not to come again
  backoff,  // it has ended and is started again after a pause
  fatal,    // it has ended too often
};

std::string_view to_string(LoopState state) noexcept;  // "looping"

enum class WorkerKind : std::uint8_t {
  loop,       // one process that runs its loop every period
  consumers,  // the processes that serve the same queues
  civi,       // the queues of a CiviCRM site
};

std::string_view to_string(WorkerKind kind) noexcept;

/// A process of a group of consumers.
struct ProcessView {
  std::string state;          // starting, ready, draining, stopping, waiting (to be started again)
  pid_t pid = 0;              // 0: none
  std::uint64_t running = 0;  // jobs
  std::uint64_t ended = 0;    // attempts of the running process
  std::uint64_t starts = 0;
  Millis pause{0};  // waiting: between its end and its next start
  std::string last_end;
};

/// What became of the tasks of one of a site's queues, since the start.
struct TasksView {
  std::string queue;
  std::map<std::string, std::uint64_t> ended;  // by outcome, as the events name it
};

/// A task whose worker has died: nobody gets it before its lease ends.
struct LeftView {
  std::string queue;
  std::string id;
  Millis left{0};
};

/// How a worker is, as far as its supervisor knows without asking it.
struct WorkerView {
  std::string name;
  std::string id;  // of a loop worker; empty: none was given
  WorkerKind kind = WorkerKind::loop;
  LoopState state = LoopState::spinup;

  // of a loop worker
  pid_t pid = 0;     // 0: it does not run
  Millis uptime{0};  // of the running process
  Millis looptime{0};
  bool forever = true;
  std::uint64_t rounds = 0;
  std::uint64_t failed_rounds = 0;
  std::uint64_t restarts = 0;
  std::optional<Millis> last_round;              // how long it took
  std::string last_failure;                      // why a round failed, or why it waits; empty: none did
  std::optional<boost::json::object> last_exit;  // the death certificate of its last process

  // of consumers
  std::vector<std::string> queues;
  std::uint32_t least = 0;
  std::uint32_t most = 0;
  std::uint32_t wanted = 0;
  std::vector<ProcessView> processes;

  // of a CiviCRM site
  std::string site;            // how it is reached; empty: it was not yet
  std::uint64_t running = 0;   // tasks
  std::uint64_t failures = 0;  // to reach it, in a row
  std::vector<TasksView> tasks;
  std::vector<LeftView> left;
};

struct DaemonView {
  pid_t pid = 0;
  std::string version;
  std::string build;
  std::string store;  // URL
  Millis uptime{0};
  bool stopping = false;
  bool held = false;  // by the kill switch
  std::uint64_t workers = 0;
};

/// What became of a wish to read the configuration again.
struct Reloaded {
  bool ok = true;
  std::vector<std::string> text;  // why not; what waits for the next start
};

/// The running system. Implemented by service; a test has its own.
///
/// Errors: not_found names a worker that there is none of; invalid_argument what this kind of worker cannot do;
/// unavailable while the system stops, or when a worker does not answer.
///
/// Thread safety: the supervisor's loop. Strings are taken by value, so that a caller need not outlive the call.
class Backend {
 public:
  virtual ~Backend() = default;

  /// In the order of their installation, loop workers first.
  virtual async::Task<Result<std::vector<WorkerView>>> workers() = 0;
  virtual async::Task<Result<WorkerView>> worker(std::string name) = 0;

  /// Return when the worker is as it was asked to be. Asking for what is so already is fine.
  virtual async::Task<Result<>> pause(std::string name) = 0;
  virtual async::Task<Result<>> resume(std::string name) = 0;
  virtual async::Task<Result<>> start(std::string name) = 0;
  virtual async::Task<Result<>> stop(std::string name) = 0;
  virtual async::Task<Result<>> restart(std::string name) = 0;

  /// So many processes, until the configuration is read again. Of consumers.
  virtual async::Task<Result<>> scale(std::string name, std::uint32_t processes) = 0;

  /// A command of the author's, of a loop worker; its reply.
  virtual async::Task<Result<boost::json::value>> send(std::string name, std::string word,
                                                       boost::json::value arguments) = 0;

  virtual async::Task<Result<DaemonView>> status() = 0;
  virtual async::Task<Result<Reloaded>> reload() = 0;

  /// Begins the stop of the whole and returns at once.
  virtual async::Task<Result<>> shutdown() = 0;

  /// What a job of that queue is like before it has a body: lifetime, time-out and priority as they are configured.
  virtual job::NewJob new_job(const std::string& queue) = 0;

  /// Whether the store can give dead jobs back under their ids (job::MoveDead).
  virtual bool revives() = 0;

  /// Queues and jobs: what the store says.
  virtual async::Task<Result<job::Answer>> ask(job::Command command) = 0;
};

}  // namespace coworker::api
