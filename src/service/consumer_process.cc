#include "service/consumer_process.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/build.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/program.h"
#include "service/config_text.h"
#include "service/run.h"

namespace coworker::service {
namespace {

constexpr int kSilentLooks = 10;         // of kLooksPerLease: the last moment
constexpr std::size_t kSpareSlots = 64;  // for jobs that have ended and whose answer is on its way

/// Whether such a process is worth starting at once: it has ended attempts, or had fetched and was ended by what no
/// program does to itself, or for the sake of a worker that did not return.
bool has_worked(const Remains& remains, const Result<proc::Certificate>& end) {
  if (!end) return false;
  if (remains.ended() > 0) return true;
  const bool from_outside = end->exit.by_signal && end->exit.code == SIGKILL;
  const bool stuck = !end->exit.by_signal && end->exit.code == kStuckExit;
  return remains.ready() && (from_outside || stuck);
}

}  // namespace

ConsumerProcess::ConsumerProcess(async::Loop& loop, Setting setting, Events events)
    : loop_{loop}, setting_{std::move(setting)}, events_{std::move(events)}, timer_{loop} {}

void ConsumerProcess::start() {
  if (is_leaving()) return;
  Result<> launched = launch();
  if (launched) return;
  log::error(fmt::format("start a consumer: {}", launched.error().message()));
  start_later(Millis{0});
}

Result<> ConsumerProcess::launch() {
  proc::Keeper* keeper = setting_.keeper();
  if (keeper == nullptr) return fail(Errc::unavailable, "there is no keeper");
  const Result<int> program = proc::own_program();
  if (!program) return tl::unexpected{program.error()};
  Result<Fd> assignment = memory_file("coworker-assignment", to_text(Assignment{*setting_.config, build_id()}));
  if (!assignment) return tl::unexpected{std::move(assignment).error()};
  const ConsumerConfig& group = setting_.config->consumers.front();
  Result<std::unique_ptr<StartPage>> page =
      StartPage::create(2 * (std::size_t{group.job_batch} + group.prefetch) + kSpareSlots);
  if (!page) return tl::unexpected{std::move(page).error()};
  const std::uint32_t owner = setting_.next_owner();
  Result<Fd> link = keeper->add_owner(owner);
  if (!link) return tl::unexpected{std::move(link).error()};

  proc::ChildOptions options;
  options.capture = false;
  options.launch.program = *program;
  options.launch.argv = {"coworker", kConsumerWord};
  options.launch.environment = setting_.environment;
  options.launch.fds = {-1, 1, 2, assignment->get(), (*page)->fd(), setting_.suspects->fd(), link->get()};
  if (setting_.heirs) options.launch.fds.push_back(setting_.heirs->taking_end());
  options.launch.keeper = keeper->connection();
  // Our copies close once it executes, so that the keeper sees the end of its own.
  auto copies = std::make_shared<std::pair<Fd, Fd>>(std::move(*assignment), std::move(*link));
  options.on_start = [copies](pid_t pid) {
    copies->first.reset();
    copies->second.reset();
    log::info(fmt::format("consumer {} runs", pid));
  };
  all_remains_.push_back(std::make_shared<Remains>(loop_, owner, std::move(*page)));
  started_ = heard_ = Clock::now();
  beats_ = 0;
  ++starts_;
  child_ = proc::Child::start(loop_, std::move(options), [this, copies](Result<proc::Certificate> end) {
    copies->first.reset();
    copies->second.reset();
    ended(std::move(end));
  });
  return {};
}

void ConsumerProcess::retire() {
  if (is_leaving()) return;
  retired_ = true;
  timer_.cancel();
  if (child_) {
    all_remains_.back()->set_draining();
    signal(kDrainSignal);
  }
  check_over();
}

void ConsumerProcess::reopen_files() {
  signal(SIGUSR1);
}

/// Who does not listen yet looks at the page, and opens its files, after it does.
void ConsumerProcess::signal(int number) {
  if (child_ && child_->pid() > 0 && all_remains_.back()->listening()) ::kill(child_->pid(), number);
}

ConsumerProcess::Status ConsumerProcess::status() const {
  Status status;
  status.starts = starts_;
  status.last_end = last_end_;
  if (!child_) {
    status.state = "waiting";
    status.pause = pause_;
    return status;
  }
  const Remains& running = *all_remains_.back();
  status.pid = child_->pid();
  status.running = running.running();
  status.ended = running.ended();
  status.state = stopping_ ? "stopping" : retired_ ? "draining" : running.ready() ? "ready" : "starting";
  return status;
}

void ConsumerProcess::watch() {
  if (!child_) return;
  const Remains& running = *all_remains_.back();
  const Clock::time_point now = Clock::now();
  if (running.beats() != beats_ || running.running() == 0) {
    beats_ = running.beats();
    heard_ = now;
    silent_looks_ = 0;
    return;
  }
  // Looks, too, are counted: a supervisor that was itself held up knows nothing of the time in between.
  if (++silent_looks_ < kSilentLooks || now - heard_ < setting_.config->lease * kSilentLooks / kLooksPerLease) return;
  log::error(fmt::format("consumer {} gives no sign of life; it is killed before its leases end", child_->pid()));
  child_->stop(proc::Killed::lease_lost, Millis{0});
  heard_ = now;
}

void ConsumerProcess::stop(Millis grace) {
  stopping_ = true;
  timer_.cancel();
  if (child_) child_->stop(proc::Killed::stopped, grace);
  check_over();
}

bool ConsumerProcess::on_gone(std::uint32_t owner) {
  const auto found =
      std::find_if(all_remains_.begin(), all_remains_.end(), [&](const auto& one) { return one->owner() == owner; });
  if (found == all_remains_.end()) return false;
  const std::shared_ptr<Remains> remains = *found;
  remains->on_gone();
  return true;
}

void ConsumerProcess::add_unsettled(std::vector<job::JobRef>& out) const {
  for (const std::shared_ptr<Remains>& remains : all_remains_) {
    const std::vector<job::JobRef> jobs = remains->unsettled();
    out.insert(out.end(), jobs.begin(), jobs.end());
  }
}

void ConsumerProcess::on_keeper_lost() {
  // A copy: whatever is settled at once leaves the list.
  for (const std::shared_ptr<Remains>& remains : std::vector{all_remains_}) remains->on_keeper_lost();
  const Config& config = *setting_.config;
  if (child_) child_->stop(proc::Killed::stopped, config.stop_grace + config.kill_grace * 2);
}

void ConsumerProcess::ended(Result<proc::Certificate> end) {
  child_.reset();
  const std::shared_ptr<Remains> remains = all_remains_.back();
  std::string text = end ? fmt::format("consumer {}: {}", end->pid, end->describe())
                         : fmt::format("start a consumer: {}", end.error().message());
  const bool ours = end && (end->killed != proc::Killed::no || remains->stopping_page() || end->exit.clean());
  ours ? log::info(text) : log::error(text);
  last_end_ = text;
  if (has_worked(*remains, end)) restarts_.reset();
  Remains::Ending ending{setting_.config, std::move(text), {}, ours, {}, 0, {}};
  if (!is_leaving()) ending.heirs = setting_.heirs;
  if (end) ending.certificate = std::move(*end);
  remains->bury(std::move(ending), [this, remains](Remains::Ending settled) { buried(remains, std::move(settled)); });
  if (!is_leaving()) start_later(std::chrono::duration_cast<Millis>(Clock::now() - started_));
}

void ConsumerProcess::buried(const std::shared_ptr<Remains>& remains, Remains::Ending ending) {
  std::erase(all_remains_, remains);
  events_.on_end(std::move(ending));
  check_over();
}

void ConsumerProcess::start_later(Millis lived) {
  pause_ = *restarts_.ended(lived);
  if (pause_ > RestartRule::kFirst) {
    log::warning(fmt::format("a consumer of '{}' is started again in {} ms",
                             setting_.config->consumers.front().queues.front(), pause_.count()));
  }
  timer_.expires_after(pause_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) start();
  });
}

void ConsumerProcess::check_over() {
  if (!is_leaving() || over_ || child_ || !all_remains_.empty()) return;
  over_ = true;
  const auto on_over = events_.on_over;
  on_over();
}

}  // namespace coworker::service
