#include "service/supervisor.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <csignal>
#include <set>

#include "async/spin.h"
#include "base/log.h"
#include "proc/program.h"
#include "proc/run_mark.h"
#include "proc/strays.h"
#include "service/run.h"
#include "store/open.h"
#include "worker/kill_switch.h"
#include "worker/process_options.h"

namespace coworker::service {
namespace {

constexpr Millis kSameStop{100};  // whoever signals a program and its whole group signals it twice
constexpr Millis kStorePause{1'000};
constexpr Millis kKeeperPause{1'000};
constexpr Millis kLookPause{1'000};  // between two looks at queues and processes
constexpr int kLooksPerRenewal = ConsumerProcess::kLooksPerLease / 3;
constexpr Millis kFarewell{5'000};  // beyond the consumers' own graces

async::Task<> run_scheduler(std::shared_ptr<Scheduler> scheduler, store::Store* store) {
  co_await scheduler->run(*store);
}

}  // namespace

Supervisor::Supervisor(async::Loop& loop, Config config, Reload reload, RunEvents events)
    : loop_{loop},
      config_{std::move(config)},
      reload_{std::move(reload)},
      events_{std::move(events)},
      gate_{loop.get_executor()},
      stopped_{loop.get_executor()},
      over_{loop.get_executor()},
      signals_{loop, SIGTERM, SIGINT, SIGHUP},
      timer_{loop},
      lease_timer_{loop},
      look_timer_{loop},
      environment_{proc::own_environment()},
      backend_{loop, *this} {
  signals_.add(SIGUSR1);
  for (const int number : events_.signals) signals_.add(number);
  // Everything that descends from here carries it, see proc/keeper_main.h.
  proc::set_variable(environment_, proc::kRunVariable, proc::make_run_mark());
}

Supervisor::~Supervisor() = default;

Result<> Supervisor::add_companion(const MakeCompanion& make) {
  Result<std::unique_ptr<Companion>> made = make(loop_, backend_);
  if (!made) return tl::unexpected{std::move(made.error())};
  companion_ = std::move(*made);
  return {};
}

async::Task<int> Supervisor::run() {
  proc::adopt_orphans();
  gate_.spawn("signals", listen_for_signals());
  gate_.spawn("watchdog", proc::keep_alive(&systemd_, &over_));
  Result<std::unique_ptr<Suspects>> suspects = Suspects::create();
  Result<> ready = suspects ? start_keeper() : Result<>{tl::unexpected{suspects.error()}};
  if (!ready) {
    log::critical(ready.error().message());
  } else {
    suspects_ = std::move(*suspects);
    const bool prepared = co_await prepare_store();
    if (prepared) co_await wait_for_other_keeper();
    if (prepared && stops_ == 0) {
      // Their jobs may come to us.
      if (!proc::kill_leftovers(kFarewell)) log::error("processes of a dead supervisor do not die");
      obey_kill_switch();
      make_loops();
      if (store_) {
        set_queues();
        make_groups();
        arm_leases();
      }
      ready = serve_site();
      arm_look();
      announce_ready();
      if (!ready) {
        log::critical(ready.error().message());
        ++stops_;
        stop();
      }
      co_await stopped_.wait();
    }
  }
  listening_ = false;
  signals_.cancel();
  timer_.cancel();
  lease_timer_.cancel();
  look_timer_.cancel();
  if (companion_) co_await companion_->stop();
  if (endings_) endings_->close();
  if (scheduler_) scheduler_->stop();
  if (store_) store_->close();
  // Last: it kills what is left, and nothing should be.
  keeper_.reset();
  over_.set();
  co_await gate_.close();
  log::info("stopped");
  co_return ready && !failed_ ? 0 : 1;
}

Result<> Supervisor::start_keeper() {
  const Result<int> program = proc::own_program();
  if (!program) return tl::unexpected{program.error()};
  proc::Launch launch;
  launch.program = *program;
  launch.argv = {"coworker", kKeeperWord};
  launch.environment = environment_;
  proc::Keeper::Events events;
  events.on_gone = [this](std::uint32_t owner, std::uint32_t killed) {
    if (killed > 0) log::info(fmt::format("{} groups of a dead process were killed", killed));
    for (const auto& group : groups_) {
      if (group->on_gone(owner)) return;
    }
    if (loops_) loops_->on_gone(owner);
  };
  events.on_lost = [this] { keeper_lost(); };
  Result<std::unique_ptr<proc::Keeper>> keeper = proc::Keeper::start(loop_, std::move(launch), std::move(events));
  if (!keeper) return tl::unexpected{std::move(keeper).error()};
  keeper_ = std::move(*keeper);
  return {};
}

/// Without a keeper no group may be started: consumers end in good order and come again with the next one.
void Supervisor::keeper_lost() {
  log::error("the keeper died; consumers and loop workers are replaced");
  keeper_.reset();
  if (Result<> started = start_keeper(); !started) {
    log::error(started.error().message());
    timer_.expires_after(kKeeperPause);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) keeper_lost();
    });
    return;
  }
  for (const auto& group : groups_) group->on_keeper_lost();
  if (loops_) loops_->on_keeper_lost();
}

async::Task<bool> Supervisor::open_store() {
  store::OpenOptions options;
  options.password = config_.store_password;
  options.tls = config_.store_tls;
  while (stops_ == 0) {
    Result<std::unique_ptr<store::Store>> opened = co_await store::open_url(loop_, config_.store, options);
    if (opened) {
      store_ = std::move(*opened);
      log_ = std::make_unique<EventLog>(loop_, *store_, config_.events);
      log_->on_quiet([this] { check_over(); });
      endings_ = std::make_unique<Endings>(loop_, *store_, *suspects_, *log_, [this] { check_over(); });
      watch_ = std::make_unique<QueueWatch>(*store_);
      co_return stops_ == 0;
    }
    log::error(fmt::format("open the store '{}': {}", config_.store, opened.error().message()));
    co_await stopped_.wait_for(kStorePause);
  }
  co_return false;
}

/// The one that runs goes on where nothing has changed for it. invalid_argument where the store cannot do what is asked
/// for.
Result<> Supervisor::start_scheduler() {
  if (scheduler_ && config_.schedule && scheduler_->config() == *config_.schedule) return {};
  if (scheduler_) scheduler_->stop();
  scheduler_.reset();
  if (!config_.schedule) return {};
  auto scheduler = std::make_shared<Scheduler>(loop_, *config_.schedule);
  if (Result<> able = scheduler->check(*store_); !able) return able;
  scheduler_ = std::move(scheduler);
  gate_.spawn("scheduler", run_scheduler(scheduler_, store_.get()));
  return {};
}

/// What a queue's configuration says to the store. A store that cannot do it says so, and works without.
void Supervisor::set_queues() {
  for (const QueueConfig& queue : config_.queues) {
    job::SetQueue set;
    set.queue = queue.name;
    set.limit = queue.concurrency;
    set.group_limit = queue.group_limit;
    set.weight = queue.weight;
    set.failure_queue = queue.failure_queue;
    const bool matters = queue.concurrency > 0 || queue.group_limit > 0 || queue.weight > 1;
    store_->apply(std::move(set), [name = queue.name, matters](const Result<job::Answer>& answer) {
      if (answer) return;
      const std::string text = fmt::format("set up queue '{}': {}", name, answer.error().message());
      matters ? log::warning(text) : log::debug(text);
    });
  }
}

async::Task<> Supervisor::listen_for_signals() {
  // A signal may have come before the wait is cancelled; then nothing would end the next one.
  while (listening_) {
    auto [error, number] = co_await signals_.async_wait(async::as_result);
    if (error) co_return;
    on_signal(number);
  }
}

void Supervisor::on_signal(int number) {
  if (events_.on_signal) events_.on_signal(number);
  if (number == SIGHUP || number == SIGUSR1) {
    log::reopen();
    if (log_) log_->reopen();
    for (const auto& group : groups_) group->reopen_files();
    if (loops_) loops_->reopen_files();
    if (number == SIGHUP && reload_) reload();
    return;
  }
  if (number != SIGTERM && number != SIGINT) return;
  const auto now = std::chrono::steady_clock::now();
  if (stops_ == 0) stop_asked_ = now;
  if (stops_ > 0 && now < stop_asked_ + kSameStop) return;
  log::info(fmt::format("{}: {}", proc::signal_name(number), stops_ == 0 ? "stopping" : "stopping now"));
  if (stops_ == 0) systemd_.stopping();
  ++stops_ == 1 ? stop() : stop_now();
}

/// As a first signal does; asking again changes nothing.
void Supervisor::shut_down() {
  if (stops_ > 0) return;
  log::info("stopping, as a caller asked for");
  systemd_.stopping();
  ++stops_;
  stop();
}

void Supervisor::make_groups() {
  for (std::size_t i = 0; i < config_.consumers.size(); ++i) {
    add_group(std::make_shared<const Config>(of_group(config_, i)));
  }
}

/// As config_ says, or not any more.
Result<> Supervisor::serve_site() {
  if (!civi_ && !config_.civi) return {};
  if (!log_) log_ = std::make_unique<EventLog>(config_.events);
  if (!civi_) {
    CiviConfig::Parts parts{loop_, environment_, [this] { return keeper_ ? keeper_->connection() : -1; }};
    CiviTasks::Events events;
    events.on_end = [this](const Result<>& outcome) { on_site_end(outcome); };
    events.on_over = [this] { check_over(); };
    civi_ = std::make_unique<CiviTasks>(std::move(parts), gate_, *log_, std::move(events));
    civi_->hold(held_);
  }
  return civi_->serve(config_.civi);
}

/// Is that of the whole program: whoever started this wanted its tasks to be run.
void Supervisor::on_site_end(const Result<>& outcome) {
  if (!outcome) {
    log::critical(outcome.error().message());
    failed_ = true;
  }
  if (stops_ > 0) return;
  ++stops_;
  stop();
}

void Supervisor::add_group(std::shared_ptr<const Config> part) {
  Group::Setting setting;
  setting.environment = environment_;
  setting.suspects = suspects_.get();
  setting.keeper = [this] { return keeper_.get(); };
  setting.next_owner = [this] { return ++last_owner_; };
  Group::Events events;
  events.on_end = [this](Remains::Ending ending) { endings_->settle(std::move(ending)); };
  events.on_over = [this] { check_over(); };
  groups_.push_back(std::make_unique<Group>(loop_, std::move(part), std::move(setting), std::move(events)));
  groups_.back()->hold(held_);
  groups_.back()->start();
}

void Supervisor::arm_leases() {
  lease_timer_.expires_after(config_.lease / ConsumerProcess::kLooksPerLease);
  lease_timer_.async_wait([this](boost::system::error_code error) {
    if (error || !listening_) return;
    for (const auto& group : groups_) group->watch();
    if (++lease_looks_ % kLooksPerRenewal == 0) renew_unsettled();
    arm_leases();
  });
}

/// Processes that take long to die keep their jobs, as their consumer would.
void Supervisor::renew_unsettled() {
  job::Extend extend;
  extend.lease = config_.lease;
  for (const auto& group : groups_) group->add_unsettled(extend.jobs);
  if (extend.jobs.empty()) return;
  log::warning(fmt::format("{} jobs of a dead consumer wait for the end of its processes", extend.jobs.size()));
  store_->apply(std::move(extend), [](const Result<job::Answer>& answer) {
    if (!answer) log::warning(fmt::format("renew the leases of a dead consumer: {}", answer.error().message()));
  });
}

void Supervisor::arm_look() {
  look_timer_.expires_after(kLookPause);
  look_timer_.async_wait([this](boost::system::error_code error) {
    if (error || !listening_) return;
    look();
    arm_look();
  });
}

void Supervisor::look() {
  sweep();
  obey_kill_switch();
  std::set<std::string> queues;
  for (const auto& group : groups_) {
    if (!group->scales()) continue;
    const QueueWatch::Seen seen = watch_->take(group->limits());
    group->scale(seen.waiting, seen.arrived);
    queues.insert(group->limits().queues.begin(), group->limits().queues.end());
  }
  if (watch_) watch_->ask({queues.begin(), queues.end()});
  if (ready_ && stops_ == 0) systemd_.status(summary());
}

/// What cannot be read is never taken for "everything may run": at the start nothing does then, later all stays as it
/// is.
void Supervisor::obey_kill_switch() {
  Result<worker::Switched> switched = worker::Switched{};
  if (!config_.kill_switch.empty()) switched = worker::KillSwitch{config_.kill_switch}.read();
  const std::string trouble = switched ? "" : switched.error().message();
  if (!trouble.empty() && trouble != switch_trouble_) log::error(trouble);
  switch_trouble_ = trouble;
  const bool hold = switched ? switched->work : held_ || (groups_.empty() && !loops_);
  if (hold == held_) return;
  held_ = hold;
  log::warning(held_ ? "the kill switch holds all work: consumers drain, loop workers pause"
                     : "the kill switch holds no work any more");
  for (const auto& group : groups_) group->hold(held_);
  if (civi_) civi_->hold(held_);
  if (loops_) loops_->hold(held_);
}

void Supervisor::sweep() {
  if (stops_ == 0) std::erase_if(groups_, [](const auto& group) { return group->is_over(); });
}

void Supervisor::stop() {
  if (scheduler_) scheduler_->stop();
  if (!loops_) return stopped_.set();
  if (civi_) civi_->stop();
  const Millis grace = config_.stop_grace + config_.kill_grace + kFarewell;
  loops_->stop(grace);
  for (const auto& group : groups_) group->stop(grace);
  check_over();
}

void Supervisor::stop_now() {
  if (civi_) civi_->stop();
  if (loops_) loops_->stop(kFarewell);
  for (const auto& group : groups_) group->stop(kFarewell);
}

void Supervisor::check_over() {
  if (stops_ == 0 || civi() != nullptr || !loops_ || !loops_->is_over()) return;
  if ((endings_ && endings_->open() > 0) || (log_ && !log_->is_quiet())) return;
  if (std::all_of(groups_.begin(), groups_.end(), [](const auto& group) { return group->is_over(); })) stopped_.set();
}

int run_supervisor(Config config, Reload reload, RunEvents events, MakeCompanion make_companion) {
  proc::name_process("coworker");
  log::set_role("supervisor");
  // Consumers of a supervisor that is itself a job are no strays.
  ::unsetenv(worker::kStartVariable);
  ::signal(SIGPIPE, SIG_IGN);
  int code = 1;
  {
    async::Loop loop;
    Supervisor supervisor{loop, std::move(config), std::move(reload), std::move(events)};
    if (make_companion) {
      if (const Result<> made = supervisor.add_companion(make_companion); !made) {
        log::critical(made.error().message());
        return 1;
      }
    }
    async::asio::co_spawn(loop, supervisor.run(), [&code](const std::exception_ptr& error, int result) {
      if (error) std::rethrow_exception(error);
      code = result;
    });
    async::run_spinning(loop);
  }
  // All is done; a late signal shall not change how it ended.
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  return code;
}

}  // namespace coworker::service
