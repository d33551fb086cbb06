#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/loop.h"
#include "async/task.h"
#include "base/error.h"
#include "job/id.h"
#include "service/config.h"
#include "service/crontab_file.h"
#include "store/store.h"
#include "worker/hooks.h"

namespace coworker::service {

/// Turns the rows of a crontab into jobs, minute by minute. Each (row, minute) is added at most once, with any number
/// of schedulers and restarts: the minute is committed with the job as the value of a register that the row names, and
/// a register only grows. A store without registers cannot do that; there the guard is this object's memory, and
/// catching up is refused.
///
/// Thread safety: one thread. `stop` and the end of `run` come before its destruction.
class Scheduler {
 public:
  struct Fired {
    std::size_t line = 0;
    std::string queue;
    job::Minute minute{};
    job::JobId id{};
  };
  struct Tally {
    std::vector<Fired> added;
    std::size_t repeated = 0;  // another scheduler, or an earlier run, had added it
    std::size_t failed = 0;    // logged; tried again with the next tick, as far as catching up goes
  };

  /// `loop` is the one that `run` lives on. `hooks` are called around each add and outlive this; none in a process that
  /// runs no user code.
  Scheduler(async::Loop& loop, ScheduleConfig config, const worker::Hooks* hooks = nullptr);

  /// Reads the crontab again if it has changed, and logs what is wrong with it. `now` is the minute of the next tick.
  /// An error, the first time, when it cannot be read; later it is logged and the old rows stay.
  Result<> load(job::Minute now);

  /// Whether a tick at this minute would ask the store for anything.
  bool is_due(job::Minute now) const;

  /// Adds what is due and was not yet tried, and lets the store forget the registers of rows that are long gone. Call
  /// it with growing minutes.
  async::Task<Tally> tick(store::Store& store, job::Minute now);

  /// Ticks each minute until `stop`.
  async::Task<> run(store::Store& store);
  void stop() { stopping_.set(); }

  const ScheduleConfig& config() const noexcept { return config_; }

  /// invalid_argument when the store cannot do what the configuration asks for.
  Result<> check(const store::Store& store) const;

  static job::Minute minute_of(std::int64_t wall_ms);

 private:
  struct Row {
    ScheduledRow what;
    job::Minute tried{};                // all its minutes up to this one are dealt with
    std::optional<job::Minute> next{};  // the first due one after it
  };

  std::vector<job::Minute> due(const Row& row, job::Minute now) const;
  job::Minute earliest(job::Minute now) const;
  void set_tried(Row& row, job::Minute minute);
  async::Task<> fire(store::Store& store, Row& row, std::vector<job::Minute> minutes, Tally& tally);
  job::NewJob job_of(const job::CronRow& row, job::Minute minute) const;

  ScheduleConfig config_;
  const worker::Hooks* hooks_;
  async::Event stopping_;
  std::vector<Row> rows_;
  std::string version_;  // of the file that was read last
  bool loaded_ = false;
};

}  // namespace coworker::service
