#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "service/config_text.h"
#include "service/supervisor.h"

/// The part of Supervisor that takes over a changed configuration, and says what it does.
namespace coworker::service {
void Supervisor::reload() {
  if (stops_ > 0) return;
  if (ready_) systemd_.reloading();
  last_reload_.text.clear();
  Result<Reloaded> again = reload_();
  last_reload_.ok = again.has_value();
  if (!again) {
    log::error("the configuration stays as it was: " + again.error().message());
    last_reload_.text.push_back(again.error().message());
    if (ready_) systemd_.ready(summary());
    return;
  }
  last_reload_.text = std::move(again->notes);
  apply(std::move(again->config));
  for (const std::string& note : last_reload_.text) log::warning(note);
  log::info("the configuration was read again");
  if (ready_) systemd_.ready(summary());
}

api::Reloaded Supervisor::read_again() {
  if (!reload_) return {false, {"this program has no configuration that could be read again"}};
  reload();
  return last_reload_;
}

/// Groups whose consumers would be told the same go on; the others drain beside those that take their place.
void Supervisor::apply(Config config) {
  if (config.store != config_.store) {
    last_reload_.text.push_back(fmt::format("store: {} is used until the next start", config_.store));
    config.store = config_.store;
  }
  if (const Result<> logged = log::configure(config.log); !logged) {
    last_reload_.text.push_back(logged.error().message());
    config.log = config_.log;
  }
  if (loops_ && !store_ && config.needs_store()) {
    if (!config.queues.empty() || config.schedule) {
      last_reload_.text.push_back("queues and schedule take effect at the next start: there were none at this one");
    }
    config.queues.clear();
    config.consumers.clear();
    config.schedule.reset();
  }
  config_ = std::move(config);
  if (loops_) {
    loops_->apply(config_.loops, config_.log);
    if (const Result<> served = serve_site(); !served) last_reload_.text.push_back(served.error().message());
  }
  if (!store_) return;
  set_queues();
  if (const Result<> scheduled = start_scheduler(); !scheduled) {
    last_reload_.text.push_back(scheduled.error().message());
  }
  std::vector<Group*> former;
  for (const auto& group : groups_) {
    if (!group->leaving()) former.push_back(group.get());
  }
  std::vector<std::shared_ptr<const Config>> made;
  for (std::size_t i = 0; i < config_.consumers.size(); ++i) {
    auto part = std::make_shared<const Config>(of_group(config_, i));
    const std::string text = to_text(Assignment{*part, {}});
    const auto same = std::find_if(former.begin(), former.end(), [&](Group* group) { return group->text() == text; });
    if (same == former.end()) {
      made.push_back(std::move(part));
      continue;
    }
    (*same)->set_limits(part->consumers.front());
    former.erase(same);
  }
  for (std::shared_ptr<const Config>& part : made) add_group(std::move(part));
  for (Group* group : former) group->retire();
}

void Supervisor::announce_ready() {
  ready_ = true;
  systemd_.ready(summary());
  if (events_.on_ready) events_.on_ready();
}

std::string Supervisor::summary() const {
  std::size_t consumers = 0;
  for (const auto& group : groups_) consumers += group->statuses().size();
  const std::string_view trouble = last_reload_.ok ? "" : "; the changed configuration was not taken over, see the log";
  return fmt::format("{} consumers in {} groups{}", consumers, groups_.size(), trouble);
}

}  // namespace coworker::service
