#include <fmt/format.h>

#include "base/log.h"
#include "service/supervisor.h"

/// The part of Supervisor that deals with loop workers.
namespace coworker::service {

void Supervisor::make_loops() {
  Loops::Setting setting;
  setting.environment = environment_;
  setting.stop_grace = config_.stop_grace;
  setting.kill_grace = config_.kill_grace;
  setting.keeper = [this] { return keeper_.get(); };
  setting.next_owner = [this] { return ++last_owner_; };
  Loops::Events events;
  events.on_change = [this] { write_state(); };
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

}  // namespace coworker::service
