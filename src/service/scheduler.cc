#include "service/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "async/gate.h"
#include "base/log.h"
#include "worker/add_hooks.h"

namespace coworker::service {
namespace {

using std::chrono::minutes;

async::Task<Result<job::Answer>> ask(store::Store& store, job::Command command) {
  struct Waiting {
    explicit Waiting(const async::asio::any_io_executor& on) : done{on} {}
    async::Event done;
    std::optional<Result<job::Answer>> answer{};
  };
  const auto executor = co_await async::asio::this_coro::executor;
  const auto waiting = std::make_shared<Waiting>(executor);
  store.apply(std::move(command), [waiting](Result<job::Answer> answer) {
    waiting->answer = std::move(answer);
    waiting->done.set();
  });
  co_await waiting->done.wait();
  co_return std::move(*waiting->answer);
}

// A register that has not grown for so long, beyond the window in which minutes are caught up, is forgotten: its row
// was deleted, or is so rare that nobody adds the minute it names again.
constexpr std::chrono::days kRegistersKept{45};
constexpr const char* kRegisters = "cron:";  // as the rows' keys begin

std::int64_t unix_seconds(job::Minute minute) {
  return std::chrono::duration_cast<Seconds>(minute.time_since_epoch()).count();
}

}  // namespace

Scheduler::Scheduler(async::Loop& loop, ScheduleConfig config, const worker::Hooks* hooks)
    : config_{std::move(config)}, hooks_{hooks}, stopping_{loop.get_executor()} {}

job::Minute Scheduler::minute_of(std::int64_t wall_ms) {
  return std::chrono::floor<minutes>(std::chrono::sys_time<Millis>{Millis{wall_ms}});
}

/// Minutes from this one on are still added.
job::Minute Scheduler::earliest(job::Minute now) const {
  if (config_.catch_up == job::CatchUp::none) return now;
  return now - std::max(std::chrono::ceil<minutes>(config_.window), minutes{1}) + minutes{1};
}

void Scheduler::set_tried(Row& row, job::Minute minute) {
  row.tried = minute;
  row.next = row.what.row.times.next(minute, *row.what.zone);
}

Result<> Scheduler::load(job::Minute now) {
  const std::string version = file_version(config_.crontab);
  if (loaded_ && version == version_) return {};
  Result<CrontabFile> file = load_crontab(config_.crontab, config_.time_zone);
  if (!file) {
    if (!loaded_) return tl::unexpected{std::move(file.error())};
    log::error(fmt::format("{}; the rows read before stay in force", file.error().message()));
    version_ = version;
    return {};
  }
  for (const job::CronFault& fault : file->faults) {
    log::error(fmt::format("{}:{}: {}; this row does not run", config_.crontab, fault.line, fault.text));
  }
  std::map<std::string, job::Minute> tried;
  for (const Row& row : rows_) tried.emplace(row.what.row.key, row.tried);
  std::vector<Row> rows;
  for (ScheduledRow& each : file->rows) {
    const auto known = tried.find(each.row.key);
    Row& row = rows.emplace_back(Row{std::move(each)});
    // A row that is new to a running scheduler has no past.
    set_tried(row, known != tried.end() ? known->second : (loaded_ ? now : earliest(now)) - minutes{1});
  }
  if (loaded_) log::info(fmt::format("{} was read again: {} rows", config_.crontab, rows.size()));
  rows_ = std::move(rows);
  version_ = version;
  loaded_ = true;
  return {};
}

std::vector<job::Minute> Scheduler::due(const Row& row, job::Minute now) const {
  std::vector<job::Minute> found;
  std::optional<job::Minute> next = row.next;
  if (next && *next < earliest(now)) next = row.what.row.times.next(earliest(now) - minutes{1}, *row.what.zone);
  while (next && *next <= now) {
    if (config_.catch_up == job::CatchUp::last) found.clear();
    found.push_back(*next);
    next = row.what.row.times.next(*next, *row.what.zone);
  }
  return found;
}

bool Scheduler::is_due(job::Minute now) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) { return !due(row, now).empty(); });
}

Result<> Scheduler::check(const store::Store& store) const {
  if (store.capabilities().registers || config_.catch_up == job::CatchUp::none) return {};
  return fail(
      Errc::invalid_argument,
      fmt::format("schedule.catch_up needs a coworker store: {} cannot tell which rows were added", store.url()));
}

job::NewJob Scheduler::job_of(const job::CronRow& row, job::Minute minute) const {
  const auto configured = config_.queues.find(row.queue);
  job::NewJob job = configured == config_.queues.end() ? config_.other : configured->second;
  job.queue = row.queue;
  job.body = row.body;
  job.metadata = fmt::format(R"({{"scheduled-for":{}}})", unix_seconds(minute));
  if (hooks_ != nullptr) worker::call_before_add(*hooks_, job);
  return job;
}

/// In the order of the minutes, because the register only grows; ends at the first that fails.
async::Task<> Scheduler::fire(store::Store& store, Row& row, std::vector<job::Minute> due, Tally& tally) {
  const job::CronRow& what = row.what.row;
  for (const job::Minute minute : due) {
    const job::NewJob job = job_of(what, minute);
    Result<job::Add> add = job::make_add(job, wall_millis());
    if (add && store.capabilities().registers) {
      add->register_name = what.key;
      add->register_value = static_cast<std::uint64_t>(minute.time_since_epoch().count());
    }
    Result<job::Answer> answer = job::Answer{};
    if (add) {
      answer = co_await ask(store, std::move(*add));
    } else {
      answer = tl::unexpected{add.error()};
    }
    if (hooks_ != nullptr) worker::call_after_add(*hooks_, job, worker::added_of(answer, job.queue));
    const auto* added = answer ? std::get_if<job::Added>(&*answer) : nullptr;
    if (added != nullptr && added->outcome == job::Added::Outcome::stale) {
      ++tally.repeated;
    } else if (added != nullptr && job::is_stored(*added)) {
      log::debug(
          fmt::format("{}:{}: added job {} to '{}'", config_.crontab, what.line, to_string(added->id), what.queue));
      tally.added.push_back({what.line, what.queue, minute, added->id});
    } else {
      const std::string why = added != nullptr ? job::refusal(*added, what.queue).message() : answer.error().message();
      log::error(fmt::format("{}:{}: not added: {}", config_.crontab, what.line, why));
      ++tally.failed;
      break;
    }
    set_tried(row, minute);
  }
}

async::Task<Scheduler::Tally> Scheduler::tick(store::Store& store, job::Minute now) {
  Tally tally;
  const auto executor = co_await async::asio::this_coro::executor;
  async::Gate rows{executor};
  for (Row& row : rows_) {
    std::vector<job::Minute> found = due(row, now);
    if (!found.empty()) rows.spawn("a crontab's row", fire(store, row, std::move(found), tally));
  }
  co_await rows.close();
  if (!tally.added.empty() && store.capabilities().registers) {
    const job::Minute until = now - std::chrono::ceil<minutes>(config_.window) - kRegistersKept;
    const auto below = static_cast<std::uint64_t>(std::max<std::int64_t>(until.time_since_epoch().count(), 0));
    job::Command forget = job::ForgetRegisters{kRegisters, below};
    const Result<job::Answer> forgotten = co_await ask(store, std::move(forget));
    if (!forgotten) log::debug(fmt::format("forget old registers: {}", forgotten.error().message()));
  }
  co_return tally;
}

async::Task<> Scheduler::run(store::Store& store) {
  // Without registers nobody knows whether the current minute was added by who was here before.
  job::Minute last = minute_of(wall_millis()) - minutes{store.capabilities().registers ? 1 : 0};
  while (!stopping_.is_set()) {
    const job::Minute now = minute_of(wall_millis());
    if (now > last) {
      last = now;
      if (Result<> loaded = load(now); !loaded) log::error(loaded.error().message());
      const Tally tally = co_await tick(store, now);
      if (!tally.added.empty()) log::info(fmt::format("{} jobs were added by the crontab", tally.added.size()));
    }
    const Millis rest{unix_seconds(now + minutes{1}) * 1000 - wall_millis()};
    const Millis pause = std::clamp(rest, Millis{1}, Millis{60'000});
    co_await stopping_.wait_for(pause);
  }
}

}  // namespace coworker::service
