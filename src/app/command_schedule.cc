#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <csignal>
#include <cstdio>
#include <optional>

#include "app/command_list.h"
#include "app/config_value.h"
#include "app/output.h"
#include "app/store_session.h"
#include "app/worker_registry.h"
#include "async/gate.h"
#include "base/log.h"
#include "service/scheduler.h"

namespace coworker::app {
namespace {

namespace c = std::chrono;
using service::Scheduler;

constexpr std::size_t kUsualTimes = 10;
constexpr std::int64_t kMostTimes = 100'000;

struct Setup {
  Settings settings;
  service::ScheduleConfig schedule;
};

Result<Setup> setup_of(const Arguments& arguments) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{std::move(configuration.error())};
  Settings& settings = configuration->settings;
  if (Result<> given = apply_overrides(section_overrides("schedule", arguments), settings); !given) {
    return tl::unexpected{std::move(given.error())};
  }
  if (Result<> logged = log::configure(log_options(settings)); !logged)
    return tl::unexpected{std::move(logged.error())};
  log::set_role("scheduler");
  service::ScheduleConfig schedule = schedule_config(settings);
  if (schedule.crontab.empty()) {
    return fail(Errc::invalid_argument, "no crontab is given: --crontab FILE, or schedule: { crontab: FILE }");
  }
  return Setup{std::move(settings), std::move(schedule)};
}

/// On the clock of a place, with what it differs from UTC: "2026-11-23 09:00+01:00".
std::string local_text(job::Minute minute, const job::TimeZone& zone) {
  const c::minutes offset = zone.at(minute).offset;
  const job::Minute shown = minute + offset;
  const c::year_month_day date{c::floor<c::days>(shown)};
  const c::minutes time = shown - c::floor<c::days>(shown);
  const c::minutes size = c::abs(offset);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}{}{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time / c::hours{1},
                     time % c::hours{1} / c::minutes{1}, offset < c::minutes{0} ? '-' : '+', size / c::hours{1},
                     size % c::hours{1} / c::minutes{1});
}

async::Task<> tick_into(Scheduler& scheduler, store::Store& store, job::Minute now,
                        std::optional<Scheduler::Tally>& tally) {
  Scheduler::Tally done = co_await scheduler.tick(store, now);
  tally = std::move(done);
}

void print_tally(const Scheduler::Tally& tally) {
  boost::json::array added;
  for (const Scheduler::Fired& fired : tally.added) {
    const std::int64_t at = c::duration_cast<Seconds>(fired.minute.time_since_epoch()).count();
    added.push_back({{"id", to_string(fired.id)}, {"queue", json_text(fired.queue)}, {"line", fired.line}, {"at", at}});
  }
  print_json({{"added", added}, {"repeated", tally.repeated}, {"failed", tally.failed}});
  std::fflush(stdout);  // who watches wants it now
}

/// A store is held for the moment of adding only: in a directory without a broker others want to add, too.
int tick(Scheduler& scheduler, const Setup& setup, job::Minute now, bool json) {
  Scheduler::Tally tally;
  if (scheduler.is_due(now)) {
    Result<StoreSession> session = StoreSession::open(setup.settings, StoreSession::Use::many_adds);
    if (!session) return complain(std::move(session.error()).wrap("open the store"));
    if (Result<> able = scheduler.check(session->store()); !able) return complain(able.error());
    async::Gate gate{session->loop().get_executor()};
    std::optional<Scheduler::Tally> done;
    gate.spawn("tick", tick_into(scheduler, session->store(), now, done));
    session->run_until([&] { return done.has_value() && gate.running() == 0; });
    tally = std::move(*done);
  }
  if (json) print_tally(tally);
  return tally.failed > 0 ? kFailed : kDone;
}

job::Minute this_minute() {
  return Scheduler::minute_of(wall_millis());
}

/// The signal that ended the wait for the next minute.
std::optional<int> wait_for_next(job::Minute now, const sigset_t& signals) {
  while (this_minute() <= now) {
    const Millis rest = c::sys_time<Millis>{now + c::minutes{1}} - c::sys_time<Millis>{Millis{wall_millis()}};
    const Millis pause = std::clamp(rest, Millis{1}, Millis{60'000});
    const timespec limit{pause.count() / 1000, pause.count() % 1000 * 1'000'000};
    if (const int signal = ::sigtimedwait(&signals, nullptr, &limit); signal > 0) return signal;
  }
  return std::nullopt;
}

int watch(Scheduler& scheduler, const Setup& setup, bool json) {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT}) ::sigaddset(&signals, each);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  while (true) {
    const job::Minute now = this_minute();
    if (Result<> loaded = scheduler.load(now); !loaded) return complain(loaded.error());
    tick(scheduler, setup, now, json);
    if (wait_for_next(now, signals)) return kDone;
  }
}

struct Coming {
  job::Minute at;
  const service::ScheduledRow* row;
};

/// The first `count` due times of all rows together.
std::vector<Coming> coming(const service::CrontabFile& file, std::size_t count) {
  const auto is_later = [](const Coming& a, const Coming& b) {
    return std::pair{a.at, a.row->row.line} > std::pair{b.at, b.row->row.line};
  };
  std::vector<Coming> heap, found;
  const auto push = [&](const service::ScheduledRow& row, job::Minute after) {
    if (const auto at = row.row.times.next(after, *row.zone)) {
      heap.push_back({*at, &row});
      std::push_heap(heap.begin(), heap.end(), is_later);
    }
  };
  for (const service::ScheduledRow& row : file.rows) push(row, this_minute());
  while (found.size() < count && !heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), is_later);
    found.push_back(heap.back());
    heap.pop_back();
    push(*found.back().row, found.back().at);
  }
  return found;
}

}  // namespace

int run_schedule(const Arguments& arguments, const Context& context) {
  const Result<Setup> setup = setup_of(arguments);
  if (!setup) return complain(setup.error());
  async::Loop unused{1};
  const Result<worker::Registry> registry = registry_with_bootstrap(context.workers, setup->settings);
  if (!registry) return complain(registry.error());
  const worker::Hooks& hooks = registry->hooks();
  Scheduler scheduler{unused, setup->schedule, hooks.around_adds() ? &hooks : nullptr};
  if (arguments.has("watch")) return watch(scheduler, *setup, context.json);
  const job::Minute now = this_minute();
  if (Result<> loaded = scheduler.load(now); !loaded) return complain(loaded.error());
  return tick(scheduler, *setup, now, context.json);
}

int run_schedule_next(const Arguments& arguments, const Context& context) {
  std::size_t count = kUsualTimes;
  if (const auto text = arguments.text("N")) {
    const Result<std::int64_t> number = parse_integer(*text, 1);
    if (!number || *number > kMostTimes) {
      return complain_usage(fmt::format("'{}' is not a number of times (1 to {})", printable(*text), kMostTimes));
    }
    count = static_cast<std::size_t>(*number);
  }
  const Result<Setup> setup = setup_of(arguments);
  if (!setup) return complain(setup.error());
  const service::ScheduleConfig& schedule = setup->schedule;
  const Result<service::CrontabFile> file = service::load_crontab(schedule.crontab, schedule.time_zone);
  if (!file) return complain(file.error());
  std::vector<std::vector<std::string>> rows;
  for (const Coming& each : coming(*file, count)) {
    const job::CronRow& row = each.row->row;
    const std::string at = local_text(each.at, *each.row->zone);
    if (context.json) {
      const std::int64_t seconds = c::duration_cast<Seconds>(each.at.time_since_epoch()).count();
      print_json({{"at", seconds},
                  {"local", at},
                  {"line", row.line},
                  {"times", row.text},
                  {"queue", json_text(row.queue)},
                  {"body", json_text(row.body)}});
    } else {
      rows.push_back({at, printable(row.queue), printable(row.body).substr(0, 80), row.text});
    }
  }
  if (!context.json) print(table({"at", "queue", "body", "row"}, rows));
  for (const job::CronFault& fault : file->faults) {
    complain(Error{Errc::invalid_argument, fmt::format("{}:{}: {}", schedule.crontab, fault.line, fault.text)});
  }
  return file->faults.empty() ? kDone : kFailed;
}

}  // namespace coworker::app
