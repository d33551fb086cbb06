#include "service/supervisor.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <csignal>
#include <random>

#include "base/log.h"
#include "proc/program.h"
#include "proc/run_mark.h"
#include "proc/strays.h"
#include "service/blame.h"
#include "service/run.h"
#include "store/open.h"
#include "worker/command_worker.h"

namespace coworker::service {
namespace {

constexpr Millis kStorePause{1'000};
constexpr Millis kKeeperPause{1'000};
constexpr int kRenewalsPerLease = 3;
constexpr Millis kFarewell{5'000};  // beyond the consumers' own graces

}  // namespace

Supervisor::Supervisor(async::Loop& loop, const Config& config)
    : loop_{loop},
      config_{config},
      gate_{loop.get_executor()},
      stopped_{loop.get_executor()},
      signals_{loop, SIGTERM, SIGINT},
      timer_{loop},
      lease_timer_{loop},
      environment_{proc::own_environment()} {
  // Everything that descends from here carries it, see proc/keeper_main.h.
  proc::set_variable(environment_, proc::kRunVariable, proc::make_run_mark());
}

Supervisor::~Supervisor() = default;

async::Task<int> Supervisor::run() {
  proc::adopt_orphans();
  gate_.spawn("signals", listen_for_signals());
  Result<std::unique_ptr<Suspects>> suspects = Suspects::create();
  Result<> ready = suspects ? start_keeper() : Result<>{tl::unexpected{suspects.error()}};
  if (!ready) {
    log::critical(ready.error().message());
  } else {
    suspects_ = std::move(*suspects);
    const bool opened = co_await open_store();
    if (opened) {
      // Their jobs may come to us.
      if (!proc::kill_leftovers(kFarewell)) log::error("processes of a dead supervisor do not die");
      set_queues();
      start_consumers();
      arm_leases();
      co_await stopped_.wait();
    }
  }
  listening_ = false;
  signals_.cancel();
  timer_.cancel();
  lease_timer_.cancel();
  if (answers_) answers_->close();
  if (store_) store_->close();
  // Last: it kills what is left, and nothing should be.
  keeper_.reset();
  co_await gate_.close();
  log::info("stopped");
  co_return ready ? 0 : 1;
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
    if (killed > 0) log::info(fmt::format("{} groups of a dead consumer were killed", killed));
    for (const auto& process : processes_) {
      if (process->on_gone(owner)) return;
    }
  };
  events.on_lost = [this] { keeper_lost(); };
  Result<std::unique_ptr<proc::Keeper>> keeper = proc::Keeper::start(loop_, std::move(launch), std::move(events));
  if (!keeper) return tl::unexpected{std::move(keeper).error()};
  keeper_ = std::move(*keeper);
  return {};
}

/// Without a keeper no group may be started: consumers end in good order and come again with the next one.
void Supervisor::keeper_lost() {
  log::error("the keeper died; consumers are replaced");
  keeper_.reset();
  if (Result<> started = start_keeper(); !started) {
    log::error(started.error().message());
    timer_.expires_after(kKeeperPause);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) keeper_lost();
    });
    return;
  }
  for (const auto& process : processes_) process->on_keeper_lost();
}

async::Task<bool> Supervisor::open_store() {
  store::OpenOptions options;
  options.password = config_.store_password;
  while (stops_ == 0) {
    Result<std::unique_ptr<store::Store>> opened = co_await store::open_url(loop_, config_.store, options);
    if (opened) {
      store_ = std::move(*opened);
      answers_ = std::make_unique<Answers>(loop_, *store_, config_);
      co_return stops_ == 0;
    }
    log::error(fmt::format("open the store '{}': {}", config_.store, opened.error().message()));
    co_await stopped_.wait_for(kStorePause);
  }
  co_return false;
}

/// What a queue's configuration says to the store. A store that cannot do it says so, and works without.
void Supervisor::set_queues() {
  for (const QueueConfig& queue : config_.queues) {
    job::SetQueue set;
    set.queue = queue.name;
    set.limit = queue.concurrency;
    set.failure_queue = queue.failure_queue;
    store_->apply(std::move(set), [name = queue.name, limit = queue.concurrency](const Result<job::Answer>& answer) {
      if (answer) return;
      const std::string text = fmt::format("set up queue '{}': {}", name, answer.error().message());
      limit > 0 ? log::warning(text) : log::debug(text);
    });
  }
}

async::Task<> Supervisor::listen_for_signals() {
  // A signal may have come before the wait is cancelled; then nothing would end the next one.
  while (listening_) {
    auto [error, number] = co_await signals_.async_wait(async::as_result);
    if (error) co_return;
    log::info(fmt::format("{}: {}", proc::signal_name(number), stops_ == 0 ? "stopping" : "stopping now"));
    ++stops_ == 1 ? stop() : stop_now();
  }
}

void Supervisor::start_consumers() {
  for (std::size_t group = 0; group < config_.consumers.size(); ++group) {
    for (std::uint32_t i = 0; i < config_.consumers[group].min_processes; ++i) {
      ConsumerProcess::Setting setting;
      setting.config = &config_;
      setting.group = group;
      setting.environment = environment_;
      setting.suspects = suspects_.get();
      setting.keeper = [this] { return keeper_.get(); };
      setting.next_owner = [this] { return ++last_owner_; };
      ConsumerProcess::Events events;
      events.on_end = [this](Remains::Ending ending) { on_end(std::move(ending)); };
      events.on_over = [this] {
        ++over_;
        check_over();
      };
      processes_.push_back(std::make_unique<ConsumerProcess>(loop_, std::move(setting), std::move(events)));
    }
  }
  for (const auto& process : processes_) process->start();
}

void Supervisor::on_end(Remains::Ending ending) {
  std::random_device random;
  Death death;
  death.text = std::move(ending.text);
  death.ours = ending.ours;
  death.now = wall_millis() / 1000;
  death.roll = std::uniform_real_distribution<double>{0.0, 1.0}(random);
  for (Verdict& verdict : judge(ending.held, config_, death)) {
    const std::string id = job::to_string(verdict.job.id);
    if (verdict.suspect) suspects_->add(static_cast<std::uint64_t>(verdict.job.id.key));
    if (!verdict.decision.reason.empty()) log::warning(fmt::format("job {}: {}", id, verdict.decision.reason));
    Attempt attempt;
    attempt.job = verdict.job;
    attempt.queue = verdict.queue;
    answers_->tell(attempt, std::move(verdict.decision), nullptr, [this] { check_over(); });
  }
}

void Supervisor::arm_leases() {
  lease_timer_.expires_after(config_.lease / kRenewalsPerLease);
  lease_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    renew_unsettled();
    arm_leases();
  });
}

/// Processes that take long to die keep their jobs, as their consumer would.
void Supervisor::renew_unsettled() {
  job::Extend extend;
  extend.lease = config_.lease;
  for (const auto& process : processes_) process->add_unsettled(extend.jobs);
  if (extend.jobs.empty()) return;
  log::warning(fmt::format("{} jobs of a dead consumer wait for the end of its processes", extend.jobs.size()));
  store_->apply(std::move(extend), [](const Result<job::Answer>& answer) {
    if (!answer) log::warning(fmt::format("renew the leases of a dead consumer: {}", answer.error().message()));
  });
}

void Supervisor::stop() {
  if (processes_.empty()) return stopped_.set();
  for (const auto& process : processes_) process->stop(config_.stop_grace + config_.kill_grace + kFarewell);
}

void Supervisor::stop_now() {
  for (const auto& process : processes_) process->stop(kFarewell);
}

void Supervisor::check_over() {
  if (stops_ > 0 && over_ >= processes_.size() && answers_->open() == 0) stopped_.set();
}

int run_supervisor(const Config& config) {
  proc::name_process("coworker");
  log::set_role("supervisor");
  // Consumers of a supervisor that is itself a job are no strays.
  ::unsetenv(worker::CommandWorker::kStartVariable);
  ::signal(SIGPIPE, SIG_IGN);
  int code = 1;
  {
    async::Loop loop;
    Supervisor supervisor{loop, config};
    async::asio::co_spawn(loop, supervisor.run(), [&code](const std::exception_ptr& error, int result) {
      if (error) std::rethrow_exception(error);
      code = result;
    });
    loop.run();
  }
  // All is done; a late signal shall not change how it ended.
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  return code;
}

}  // namespace coworker::service
