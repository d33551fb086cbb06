#include "service/consumer_process.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/build.h"
#include "base/log.h"
#include "proc/group.h"
#include "proc/program.h"
#include "proc/strays.h"
#include "service/config_text.h"
#include "service/run.h"
#include "worker/command_worker.h"

namespace coworker::service {
namespace {

constexpr Millis kFirstPause{100};
constexpr Millis kLongestPause{30'000};
constexpr Seconds kLongEnough{30};  // who ran so long starts again at once
constexpr Millis kCheckPause{5};
constexpr std::size_t kSpareSlots = 64;  // for jobs that have ended and whose answer is on its way

Result<Fd> assignment_file(const Config& config, std::size_t group) {
  const std::string text = to_text(Assignment{config, group, build_id()});
  Fd file{::memfd_create("coworker-assignment", MFD_CLOEXEC)};
  for (std::size_t at = 0; file && at < text.size();) {
    const ssize_t wrote = ::write(file.get(), text.data() + at, text.size() - at);
    if (wrote < 0 && errno != EINTR) return fail_errno(errno, "write the consumer's configuration");
    if (wrote > 0) at += static_cast<std::size_t>(wrote);
  }
  if (!file || ::lseek(file.get(), 0, SEEK_SET) < 0) return fail_errno(errno, "make the consumer's configuration");
  return file;
}

}  // namespace

ConsumerProcess::ConsumerProcess(async::Loop& loop, Setting setting, Events events)
    : loop_{loop}, setting_{std::move(setting)}, events_{std::move(events)}, timer_{loop} {}

void ConsumerProcess::after(Millis delay, void (ConsumerProcess::*then)()) {
  timer_.expires_after(delay);
  timer_.async_wait([this, then](boost::system::error_code error) {
    if (!error) (this->*then)();
  });
}

void ConsumerProcess::start() {
  if (stopping_) return events_.on_over();
  Result<> launched = launch();
  if (launched) return;
  log::error(fmt::format("start a consumer: {}", launched.error().message()));
  start_later();
}

Result<> ConsumerProcess::launch() {
  proc::Keeper* keeper = setting_.keeper();
  if (keeper == nullptr) return fail(Errc::unavailable, "there is no keeper");
  const Result<int> program = proc::own_program();
  if (!program) return tl::unexpected{program.error()};
  Result<Fd> assignment = assignment_file(*setting_.config, setting_.group);
  if (!assignment) return tl::unexpected{std::move(assignment).error()};
  const std::size_t slots = setting_.config->consumers[setting_.group].job_batch;
  Result<std::unique_ptr<StartPage>> page = StartPage::create(2 * slots + kSpareSlots);
  if (!page) return tl::unexpected{std::move(page).error()};
  const std::uint32_t owner = setting_.next_owner();
  Result<Fd> link = keeper->add_owner(owner);
  if (!link) return tl::unexpected{std::move(link).error()};

  page_ = std::move(*page);
  owner_ = owner;
  gone_ = orphaned_ = replacing_ = false;
  ending_ = Ending{};
  started_ = Clock::now();
  proc::ChildOptions options;
  options.capture = false;
  options.launch.program = *program;
  options.launch.argv = {"coworker", kConsumerWord};
  options.launch.environment = setting_.environment;
  options.launch.fds = {-1, 1, 2, assignment->get(), page_->fd(), setting_.suspects->fd(), link->get()};
  options.launch.keeper = keeper->connection();
  // Our copies close once it executes, so that the keeper sees the end of its own.
  auto copies = std::make_shared<std::pair<Fd, Fd>>(std::move(*assignment), std::move(*link));
  options.on_start = [copies](pid_t pid) {
    copies->first.reset();
    copies->second.reset();
    log::info(fmt::format("consumer {} runs", pid));
  };
  child_ = proc::Child::start(loop_, std::move(options), [this, copies](Result<proc::Certificate> end) {
    copies->first.reset();
    copies->second.reset();
    ended(std::move(end));
  });
  return {};
}

void ConsumerProcess::stop(Millis grace) {
  stopping_ = true;
  if (child_) return child_->stop(proc::Killed::stopped, grace);
  // Between two lives: what is being confirmed goes on, a start does not come.
  if (page_ == nullptr) {
    timer_.cancel();
    events_.on_over();
  }
}

void ConsumerProcess::replace() {
  orphaned_ = true;
  if (!child_ || replacing_) return;
  replacing_ = true;
  const Config& config = *setting_.config;
  child_->stop(proc::Killed::stopped, config.stop_grace + config.kill_grace * 2);
}

bool ConsumerProcess::on_gone(std::uint32_t owner) {
  if (owner != owner_ || page_ == nullptr) return false;
  gone_ = true;
  if (!child_) confirm_strays();
  return true;
}

void ConsumerProcess::on_keeper_lost() {
  if (page_ == nullptr || gone_) return;
  replace();
  if (!child_) confirm_without_keeper();
}

void ConsumerProcess::ended(Result<proc::Certificate> end) {
  child_.reset();
  if (!end) {
    ending_.text = end.error().message();
    log::error(fmt::format("start a consumer: {}", ending_.text));
  } else {
    ending_.ours = end->killed != proc::Killed::no || page_->stopping() || end->exit.clean();
    ending_.text = fmt::format("consumer {}: {}", end->pid, end->describe());
    ending_.ours ? log::info(ending_.text) : log::error(ending_.text);
  }
  if (gone_) return confirm_strays();
  if (orphaned_) confirm_without_keeper();
}

/// The keeper that would know is dead, but the page names the groups.
void ConsumerProcess::confirm_without_keeper() {
  bool running = false;
  for (const HeldJob& job : page_->held()) {
    if (job.group == 0 || !proc::group_runs(job.group)) continue;
    proc::signal_group(job.group, SIGKILL);
    running = true;
  }
  if (running) return after(kCheckPause, &ConsumerProcess::confirm_without_keeper);
  confirm_strays();
}

/// What left its group came to us when its consumer died.
void ConsumerProcess::confirm_strays() {
  if (proc::kill_strays(worker::CommandWorker::kStartVariable, {}) > 0)
    return after(kCheckPause, &ConsumerProcess::confirm_strays);
  settle();
}

void ConsumerProcess::settle() {
  ending_.held = page_->held();
  page_.reset();
  events_.on_end(std::move(ending_));
  if (stopping_) return events_.on_over();
  start_later();
}

void ConsumerProcess::start_later() {
  if (Clock::now() - started_ >= kLongEnough) pause_ = Millis{0};
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  after(pause_, &ConsumerProcess::start);
}

}  // namespace coworker::service
