#include <fmt/format.h>

#include "base/log.h"
#include "proc/run_mark.h"
#include "service/supervisor.h"

/// The part of Supervisor that deals with loop workers, and with there being nothing else.
namespace coworker::service {
namespace {

constexpr Millis kPause{20};
constexpr Millis kFarewell{5'000};  // beyond its graces

}  // namespace

/// Without queues and schedule there is nothing to store.
async::Task<bool> Supervisor::prepare_store() {
  if (!config_.needs_store()) co_return stops_ == 0;
  const bool opened = co_await open_store();
  if (!opened) co_return false;
  const Result<> scheduled = start_scheduler();
  if (scheduled) co_return true;
  log::critical(scheduled.error().message());
  failed_ = true;
  co_return false;
}

void Supervisor::make_loops() {
  Loops::Setting setting;
  setting.environment = environment_;
  setting.stop_grace = config_.stop_grace;
  setting.kill_grace = config_.kill_grace;
  setting.keeper = [this] { return keeper_.get(); };
  setting.next_owner = [this] { return ++last_owner_; };
  Loops::Events events;
  events.on_over = [this] { check_over(); };
  events.on_end = [this](const std::string& text) { on_loop_end(text); };
  loops_ = std::make_unique<Loops>(loop_, std::move(setting), std::move(events));
  loops_->hold(held_);
  loops_->apply(config_.loops, config_.log);
}

void Supervisor::on_loop_end(const std::string& text) {
  failed_ = true;
  if (stops_ > 0) return;
  log::critical(fmt::format("stopping, since it must not end: {}", text));
  ++stops_;
  stop();
}

/// Loop workers of a supervisor that died end by themselves, in the time that its keeper gives them.
async::Task<> Supervisor::wait_for_other_keeper() {
  const auto end = std::chrono::steady_clock::now() + config_.stop_grace + config_.kill_grace + kFarewell;
  for (bool told = false; stops_ == 0 && proc::is_keeper_at_work(); told = true) {
    if (!told) log::info("waiting for the loop workers of a supervisor that died");
    if (std::chrono::steady_clock::now() >= end) co_return;
    co_await stopped_.wait_for(kPause);
  }
}

}  // namespace coworker::service
