#include "service/loop_process.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>

#include "base/build.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/identity.h"
#include "proc/program.h"
#include "service/run.h"
#include "worker/process_options.h"

namespace coworker::service {
namespace {

constexpr Millis kFarewell{1'000};  // of a process beyond its graces

}  // namespace

LoopProcess::LoopProcess(async::Loop& loop, LoopConfig config, const Loops::Setting& setting, Events events)
    : loop_{loop},
      config_{std::move(config)},
      setting_{setting},
      events_{std::move(events)},
      rule_{config_.restarts, config_.looptime},
      wait_timer_{loop},
      hang_timer_{loop},
      kill_timer_{loop} {}

LoopProcess::~LoopProcess() {
  if (link_) link_->close();
}

void LoopProcess::changed() {
  events_.on_change();
}

bool LoopProcess::is_up() const {
  if (!link_ || stopping_) return false;
  const worker::LoopPhase phase = page_->phase();
  return phase == worker::LoopPhase::looping || phase == worker::LoopPhase::paused;
}

LoopView LoopProcess::view() const {
  using worker::LoopPhase;
  LoopView view;
  view.name = config_.name;
  view.id = config_.id;
  view.kind = config_.kind;
  view.looptime = config_.looptime;
  view.forever = config_.forever;
  view.rounds = rounds_;
  view.failed_rounds = failed_;
  view.restarts = restarts_;
  view.last_failure = failure_;
  view.last_exit = last_end_;
  view.phase = fatal_ ? LoopPhase::fatal : wanted_ ? LoopPhase::backoff : LoopPhase::exited;
  if (waits_) view.pause = pause_;
  if (!page_) return view;
  if (page_->rounds() > 0) view.last_round = std::chrono::duration_cast<Millis>(page_->last_round());
  if (!child_) return view;
  view.rounds += page_->rounds();
  view.failed_rounds += page_->failed_rounds();
  view.phase = page_->phase();
  view.pid = child_->pid();
  view.uptime = std::chrono::duration_cast<Millis>(Clock::now() - started_);
  return view;
}

// ---- its process ------------------------------------------------------------------------------------------

void LoopProcess::launch() {
  if (Result<> launched = try_launch(); !launched) {
    failure_ = launched.error().message();
    last_end_.reset();
    died(failure_);
  }
  changed();
}

std::string LoopProcess::spec_text() const {
  worker::LoopSpec spec;
  spec.build = build_id();
  spec.log = setting_.log;
  spec.name = config_.name;
  spec.id = config_.id;
  spec.logger = config_.logger;
  spec.kind = config_.kind;
  spec.worker = config_.worker;
  spec.command = config_.command;
  spec.looptime = config_.looptime;
  spec.jitter = config_.jitter;
  spec.paused = paused_ || held_;
  spec.stop_grace = setting_.stop_grace;
  spec.kill_grace = setting_.kill_grace;
  return worker::to_text(spec);
}

/// How its process is started, without its descriptors.
Result<proc::ChildOptions> LoopProcess::child_options(int keeper) const {
  const Result<int> program = proc::own_program();
  if (!program) return tl::unexpected{program.error()};
  worker::ProcessOptions process;
  process.environment = setting_.environment;
  for (const auto& [name, value] : config_.environment) proc::set_variable(process.environment, name, value);
  process.program = *program;
  process.command = {"coworker", kLoopWord};
  process.directory = config_.directory;
  process.limits.memory = config_.memory;
  process.limits.cpu = config_.cpu;
  process.limits.open_files = config_.open_files;
  process.keeper = keeper;
  proc::ChildOptions options = worker::child_of(process);
  options.capture = false;
  options.launch.dies_with_parent = false;
  if (!config_.user.empty()) {
    Result<proc::Identity> identity = proc::find_identity(config_.user);
    if (!identity) return tl::unexpected{std::move(identity).error()};
    proc::set_user_variables(options.launch.environment, identity->user);
    options.launch.identity = std::move(*identity);
  }
  return options;
}

Result<> LoopProcess::try_launch() {
  proc::Keeper* keeper = setting_.keeper();
  if (keeper == nullptr) return fail(Errc::unavailable, "there is no keeper");
  Result<proc::ChildOptions> options = child_options(keeper->connection());
  if (!options) return tl::unexpected{std::move(options).error()};
  Result<Fd> spec = memory_file("coworker-loop", spec_text());
  if (!spec) return tl::unexpected{std::move(spec).error()};
  Result<std::unique_ptr<worker::LoopPage>> page = worker::LoopPage::create();
  if (!page) return tl::unexpected{std::move(page).error()};
  Result<worker::SocketPair> pair = worker::make_socket_pair();
  if (!pair) return tl::unexpected{std::move(pair).error()};
  worker::LineSocket::Events heard_events;
  heard_events.on_line = [this](std::string_view line) { heard(line); };
  auto link = worker::LineSocket::open(loop_, std::move(pair->ours), std::move(heard_events));
  if (!link) return tl::unexpected{std::move(link).error()};
  const std::uint32_t owner = setting_.next_owner();
  Result<Fd> owned = keeper->add_owner(owner);
  if (!owned) {
    (*link)->close();
    return tl::unexpected{std::move(owned).error()};
  }
  options->launch.fds = {-1, 1, 2, spec->get(), (*page)->fd(), pair->theirs.get(), owned->get()};
  // Our copies close once it executes, so that each side sees the end of the other.
  struct Copies {
    Fd spec, link, owned;
  };
  auto copies = std::make_shared<Copies>(Copies{std::move(*spec), std::move(pair->theirs), std::move(*owned)});
  options->on_start = [this, copies](pid_t pid) {
    *copies = {};
    executes(pid);
  };
  owner_ = owner;
  is_gone_ = false;
  page_ = std::move(*page);
  link_ = std::move(*link);
  started_ = Clock::now();
  child_ = proc::Child::start(loop_, std::move(*options), [this, copies](Result<proc::Certificate> end) {
    *copies = {};
    ended(std::move(end));
  });
  for (auto& [id, pending] : pending_) {
    link_->send(pending.text);
    pending.text.clear();
  }
  arm_hang();
  return {};
}

/// It waits for this before it does anything.
void LoopProcess::executes(pid_t pid) {
  log::info(fmt::format("loop worker '{}' runs as {}", config_.name, pid));
  if (proc::Keeper* keeper = setting_.keeper(); keeper != nullptr) {
    keeper->give_grace(pid, setting_.stop_grace + setting_.kill_grace + kFarewell);
  }
  const auto process = static_cast<id_t>(pid);
  if (config_.niceness != 0 &&
      ::setpriority(PRIO_PROCESS, process, ::getpriority(PRIO_PROCESS, 0) + config_.niceness) < 0) {
    log::warning(
        fail_errno(errno, fmt::format("set the niceness of loop worker '{}'", config_.name)).value().message());
  }
  link_->send(R"({"order":"begin"})");
  changed();
}

void LoopProcess::ended(Result<proc::Certificate> end) {
  child_.reset();
  link_->close();
  link_.reset();
  hang_timer_.cancel();
  kill_timer_.cancel();
  rounds_ += page_->rounds();
  failed_ += page_->failed_rounds();
  if (end) {
    if (end->killed == proc::Killed::process_timeout) end->limit = config_.hang;
    last_end_ = std::move(*end);
  } else {
    failure_ = end.error().message();
    last_end_.reset();
  }
  drop_pending("the loop worker ended before it answered");
  if (is_gone_) finished();
  changed();
}

bool LoopProcess::on_gone(std::uint32_t owner) {
  if (owner != owner_) return false;
  owner_ = 0;
  is_gone_ = true;
  if (!child_) finished();
  changed();
  return true;
}

/// What it has started is not watched any more, and it can start nothing: it is replaced.
void LoopProcess::on_keeper_lost() {
  const bool was_waiting = !is_gone_ && !child_;
  owner_ = 0;
  is_gone_ = true;
  if (was_waiting) finished();
  if (child_) ask_to_stop();
  changed();
}

/// Nothing of the last process is left.
void LoopProcess::finished() {
  stopping_ = false;
  const std::string text =
      last_end_ ? fmt::format("loop worker '{}', process {}: {}", config_.name, last_end_->pid, last_end_->describe())
                : fmt::format("loop worker '{}' cannot be started: {}", config_.name, failure_);
  if (std::exchange(ours_, false)) {
    log::info(text);
  } else {
    died(text);
  }
  call_all(ending_, boost::json::value(true));
}

void LoopProcess::died(const std::string& text) {
  log::error(text);
  if (!wanted_) return;
  if (!config_.forever) {
    wanted_ = false;
    call_all(starting_, fail(Errc::unavailable, text));
    return events_.on_end(text);
  }
  const Millis lived = last_end_ ? last_end_->wall : Millis{0};
  if (const std::optional<Millis> pause = rule_.ended(lived)) {
    ++restarts_;
    return wait(*pause);
  }
  fatal_ = true;
  wanted_ = false;
  log::critical(fmt::format("loop worker '{}' has ended {} times in a row and is given up; coworker worker start {}",
                            config_.name, config_.restarts + 1, config_.name));
  call_all(starting_, fail(Errc::unavailable, text));
  drop_pending(text);
}

void LoopProcess::wait(Millis pause) {
  pause_ = pause;
  waits_ = pause > Millis{0};
  if (!waits_) return;
  log::warning(fmt::format("loop worker '{}' is started again in {} ms", config_.name, pause.count()));
  wait_timer_.expires_after(pause);
  wait_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    waits_ = false;
    changed();
  });
}

void LoopProcess::ask_to_stop() {
  if (stopping_ || !child_) return;
  stopping_ = true;
  ours_ = true;
  link_->send(R"({"order":"stop"})");
  kill_timer_.expires_after(setting_.stop_grace + setting_.kill_grace + kFarewell);
  kill_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) kill();
  });
}

void LoopProcess::retire() {
  retired_ = true;
  wanted_ = false;
  waits_ = false;
  wait_timer_.cancel();
}

void LoopProcess::stop() {
  wanted_ = false;
  waits_ = false;
  wait_timer_.cancel();
  ask_to_stop();
  call_all(starting_, fail(Errc::unavailable, fmt::format("loop worker '{}' is stopped", config_.name)));
  if (!child_) drop_pending("the loop worker is stopped");
}

void LoopProcess::kill() {
  if (!child_) return;
  ours_ = true;
  child_->stop(proc::Killed::stopped, Millis{0});
}

void LoopProcess::arm_hang() {
  if (config_.hang > Millis{0}) {
    hang_timer_.expires_after(config_.hang);
    hang_timer_.async_wait([this](boost::system::error_code error) {
      if (!error) check_hang();
    });
  }
}

void LoopProcess::check_hang() {
  const auto since = page_->silent_since();
  const Clock::time_point now = Clock::now();
  if (since && now - *since >= config_.hang) {
    failure_ = fmt::format("it gave no sign of life for {} ms", config_.hang.count());
    log::error(fmt::format("loop worker '{}' hangs: {}", config_.name, failure_));
    child_->stop(proc::Killed::process_timeout, Millis{0});
    return;
  }
  // The nearest moment at which it can have been silent for too long.
  hang_timer_.expires_at((since ? *since : now) + config_.hang);
  hang_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) check_hang();
  });
}

void LoopProcess::reopen_files() {
  if (link_) link_->send(R"({"order":"reopen"})");
}

}  // namespace coworker::service
