#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "job/cron.h"
#include "job/new_job.h"
#include "store/tls.h"
#include "worker/loop_spec.h"

/// What the supervisor runs, as plain values with every default filled in. Parsing, names of keys and their
/// checks belong to app/config; what stands here is taken as valid.
namespace coworker::service {

enum class WorkerKind : std::uint8_t {
  command,        // a program started for each job, see worker/command_worker.h
  inline_worker,  // a C++ function registered under `name`, run on a thread of the consumer
  isolated,       // the same function, in a process of its own for each job
  http,           // a request for each job
  pipe,           // long-lived programs that take one job after another
};

/// As the configuration spells it.
std::string_view to_string(WorkerKind kind) noexcept;

/// Whether the kind runs a C++ function of the worker::Registry.
constexpr bool is_registered(WorkerKind kind) {
  return kind == WorkerKind::inline_worker || kind == WorkerKind::isolated;
}

struct HttpConfig {
  std::string address;                          // with {name} placeholders
  std::string method = "POST";                  // any
  std::map<std::string, std::string> headers;   // added to each request
  std::map<std::string, std::string> replaced;  // {name} in the address is replaced by this, percent-encoded
  std::uint32_t redirects = 0;                  // followed
  std::string authorities;                      // PEM file to trust instead of the system's
  std::uint64_t response_limit = 1 << 20;       // bytes of a response; more is a failure
};

/// How long the processes of a pipe worker live; they are replaced between two jobs.
struct PoolConfig {
  std::uint32_t count = 1;       // processes at the same time, in each consumer
  std::uint64_t requests = 0;    // jobs one process does; 0: no limit
  Millis lifetime{0};            // 0: no limit
  Millis idle{0};                // one without work for so long ends; 0: never
  std::uint64_t max_memory = 0;  // bytes resident at its peak, above which it is replaced; 0: no limit
};

struct WorkerConfig {
  WorkerKind kind = WorkerKind::command;
  std::vector<std::string> command;                // the program and its own words, run without a shell
  std::string name;                                // inline, isolated: where it stands in the worker::Registry
  std::string directory;                           // working directory; empty: the consumer's
  std::map<std::string, std::string> environment;  // added to the consumer's own
  std::uint64_t memory = 0;                        // bytes a process of it may allocate; 0: no limit
  HttpConfig http;
  PoolConfig pool;
};

enum class FailureStrategy : std::uint8_t {
  retry,
  retry_immediately,
  own,  // of worker::Hooks, by name
};

struct QueueConfig {
  std::string name;
  WorkerConfig worker;
  std::uint32_t concurrency = 0;     // jobs of it leased at the same time, in the whole store; 0: no limit
  std::uint32_t group_limit = 0;     // the same for the jobs of one group key; 0: no limit
  std::uint32_t weight = 1;          // its share when a consumer serves several queues
  Seconds job_process_timeout{600};  // an attempt is killed after this; 0: never
  Seconds job_lifetime{30 * 86'400};
  std::uint32_t max_retries = 37;  // a job runs at most max_retries + 1 times before it is buried
  std::uint32_t max_crashes = 3;   // a job whose worker died so often is buried; 0: no such limit
  FailureStrategy failure_strategy = FailureStrategy::retry;
  std::string own_strategy;  // own: its name
  std::string failure_queue = "failed-jobs";
};

/// A group of equal consumer processes that serve the same queues.
struct ConsumerConfig {
  std::vector<std::string> queues;  // each is one of Config::queues
  std::uint32_t min_processes = 1;
  std::uint32_t max_processes = 5;
  bool autoscale = true;
  std::uint32_t job_batch = 10;  // slots: jobs one process runs at the same time
  std::uint32_t prefetch = 0;    // jobs it holds beyond these, so that a free slot need not wait for the store
};

using worker::LoopKind;

/// A loop worker: one process, see worker/loop_runner.h.
struct LoopConfig {
  std::string name;
  std::string id;      // not empty
  std::string logger;  // not empty; what its lines in the log begin with
  LoopKind kind = LoopKind::command;
  std::string worker;                // inline_worker
  std::vector<std::string> command;  // the others
  Millis looptime{1'000};            // from the start of one round to the start of the next; at least 1
  Millis jitter{0};                  // a round starts up to so much later
  bool forever = true;               // else its end stops the supervisor
  Millis hang{0};                    // it is killed when it works so long without a sign of life; 0: never
  std::uint32_t restarts = 10;       // in a row, then it is given up; 0: never
  std::string user;                  // "user", "user:group", or numbers; empty: the supervisor's
  int niceness = 0;
  std::string directory;                           // empty: the supervisor's
  std::map<std::string, std::string> environment;  // added to the supervisor's own
  std::uint64_t memory = 0;                        // bytes it may allocate; 0: no limit
  Seconds cpu{0};                                  // of the process; 0: no limit
  std::uint64_t open_files = 0;                    // 0: no limit
  std::vector<std::string> after;                  // names of others that must have spun up first; stopped after it

  bool operator==(const LoopConfig&) const = default;
};

/// The scheduler's part, which only the supervisor sees.
struct ScheduleConfig {
  std::string crontab;    // file
  std::string time_zone;  // of rows that name none; empty: the machine's
  job::CatchUp catch_up = job::CatchUp::none;
  Millis window{3'600'000};                   // how far back is caught up
  std::map<std::string, job::NewJob> queues;  // what a job of a queue is like before it has a body
  job::NewJob other;                          // and one of a queue that is not configured

  bool operator==(const ScheduleConfig&) const = default;
};

/// Where events of jobs go beside the log.
struct EventConfig {
  enum class History : std::uint8_t {
    failures,  // what did not end well, burials, what workers say
    all,
    none,
  };
  History history = History::failures;
  std::string file;     // empty: none
  bool bodies = false;  // jobs' bodies stand in the file
};

struct CiviConfig;  // civi_tasks.h

struct Config {
  std::string store;  // URL, as store::open_url takes it; empty: none, where there are neither queues nor schedule
  std::string store_password;  // empty: none is sent
  store::TlsSettings store_tls{};
  log::Options log;  // of the consumers, which take it over from the supervisor
  EventConfig events;
  std::vector<QueueConfig> queues;
  std::vector<ConsumerConfig> consumers;
  std::optional<ScheduleConfig> schedule;
  std::map<std::string, job::NewJob> new_jobs;  // what a job of a queue is like before it has a body
  job::NewJob other_job;                        // and one of a queue that is not configured
  std::shared_ptr<const CiviConfig> civi;       // null: no site of CiviCRM is served
  std::vector<LoopConfig> loops;  // in the order of their installation; names are unique, `after` makes no circle
  bool hooks = false;             // the program has functions around jobs, or strategies of its own
  std::string kill_switch;        // worker::KillSwitch; empty: none
  Millis lease{15'000};           // renewed at a third of it while the worker lives
  Millis stop_grace{10'000};      // at a stop: how long running jobs may take to finish
  Millis kill_grace{5'000};       // between SIGTERM and SIGKILL when a worker's time is up

  /// Whether anything of it deals with jobs.
  bool needs_store() const { return !store.empty() && (!queues.empty() || schedule.has_value() || civi); }
};

/// What the consumers of one group need of it: that group, alone, and its queues.
Config of_group(const Config& config, std::size_t group);

}  // namespace coworker::service
