#include "service/group.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <numeric>

#include "base/log.h"
#include "service/config_text.h"

namespace coworker::service {

Group::Group(async::Loop& loop, std::shared_ptr<const Config> config, Setting setting, Events events)
    : loop_{loop},
      config_{std::move(config)},
      text_{to_text(Assignment{*config_, {}})},
      limits_{config_->consumers.front()},
      setting_{std::move(setting)},
      events_{std::move(events)} {
  setting_.config = config_;
  if (!config_->hooks) return;
  // Without it the supervisor answers alone, and no hook hears of it.
  Result<std::unique_ptr<HandOver>> heirs = HandOver::create();
  if (heirs) {
    setting_.heirs = std::move(*heirs);
  } else {
    log::error(heirs.error().message());
  }
}

void Group::start() {
  looked_ = Clock::now();
  set_wanted(limits_.min_processes);
}

void Group::set_limits(const ConsumerConfig& consumer) {
  limits_ = consumer;
  const std::uint32_t most = limits_.autoscale ? limits_.max_processes : limits_.min_processes;
  set_wanted(std::clamp(wanted_, limits_.min_processes, most));
}

void Group::hold(bool on) {
  if (std::exchange(held_, on) != on) set_wanted(limits_.min_processes);
}

void Group::set_rest(Rest rest) {
  if (std::exchange(rest_, rest) != rest) set_wanted(limits_.min_processes);
}

Result<> Group::pause() {
  if (rest_ == Rest::stopped) return fail(Errc::conflict, "it is stopped");
  set_rest(Rest::paused);
  return {};
}

Result<> Group::resume() {
  if (rest_ == Rest::stopped) return fail(Errc::conflict, "it is stopped: start it");
  set_rest(Rest::none);
  return {};
}

Result<> Group::end() {
  set_rest(Rest::stopped);
  return {};
}

Result<> Group::start_again() {
  set_rest(Rest::none);
  return {};
}

Result<> Group::restart() {
  if (rest_ != Rest::none) return fail(Errc::conflict, "it rests: start or resume it");
  const std::size_t count = processes_.size();
  for (std::size_t i = count; i > 0; --i) processes_[i - 1]->retire();
  set_wanted(wanted_);
  return {};
}

void Group::scale_to(std::uint32_t processes) {
  limits_.min_processes = processes;
  limits_.max_processes = processes;
  limits_.autoscale = false;
  set_wanted(processes);
}

void Group::scale(std::uint64_t waiting, std::uint64_t arrived) {
  const Clock::time_point now = Clock::now();
  Load load;
  load.elapsed = std::max(Millis{1}, std::chrono::duration_cast<Millis>(now - looked_));
  looked_ = now;
  load.waiting = waiting;
  load.arrived = arrived;
  std::uint64_t ended = 0;
  for (const auto& process : processes_) {
    const ConsumerProcess::Status status = process->status();
    load.busy += static_cast<double>(status.running);
    ended += status.ended;
  }
  // Processes that have ended take their numbers with them.
  load.finished = ended > ended_before_ ? ended - ended_before_ : 0;
  ended_before_ = ended;
  const Scaling::Limits limits{limits_.min_processes, limits_.max_processes, limits_.job_batch};
  set_wanted(scaling_.target(load, limits, wanted_));
}

void Group::set_wanted(std::uint32_t wanted) {
  if (leaving_) return;
  if (held_ || rest_ != Rest::none) wanted = 0;
  if (wanted_ != 0 && wanted != wanted_) {
    log::info(fmt::format("{} consumers for '{}', up to now {}", wanted, limits_.queues.front(), wanted_));
  }
  wanted_ = wanted;
  std::vector<ConsumerProcess*> staying;
  for (const auto& process : processes_) {
    if (!process->is_leaving()) staying.push_back(process.get());
  }
  for (std::size_t count = staying.size(); count < wanted; ++count) start_one();
  // The youngest go.
  for (std::size_t count = staying.size(); count > wanted; --count) staying[count - 1]->retire();
}

void Group::start_one() {
  ConsumerProcess::Events events;
  events.on_end = [this](Remains::Ending ending) { events_.on_end(std::move(ending)); };
  events.on_over = [this] { forget_over(); };
  processes_.push_back(std::make_unique<ConsumerProcess>(loop_, setting_, std::move(events)));
  processes_.back()->start();
}

/// One of them calls this from its own functions, so it must live a little longer.
void Group::watch() {
  for (const auto& process : processes_) process->watch();
}

void Group::forget_over() {
  for (auto& process : processes_) {
    if (process->is_over()) over_.push_back(std::move(process));
  }
  std::erase(processes_, nullptr);
  boost::asio::post(loop_, [over = std::make_shared<decltype(over_)>(std::move(over_))] { over->clear(); });
  over_.clear();
  events_.on_over();
}

void Group::retire() {
  leaving_ = true;
  const std::size_t count = processes_.size();
  for (std::size_t i = count; i > 0; --i) processes_[i - 1]->retire();
  if (count == 0) events_.on_over();
}

void Group::stop(Millis grace) {
  leaving_ = true;
  const std::size_t count = processes_.size();
  for (std::size_t i = count; i > 0; --i) processes_[i - 1]->stop(grace);
}

void Group::reopen_files() {
  for (const auto& process : processes_) process->reopen_files();
}

std::vector<ConsumerProcess::Status> Group::statuses() const {
  std::vector<ConsumerProcess::Status> out;
  for (const auto& process : processes_) out.push_back(process->status());
  return out;
}

bool Group::on_gone(std::uint32_t owner) {
  return std::any_of(processes_.begin(), processes_.end(),
                     [owner](const auto& process) { return process->on_gone(owner); });
}

void Group::add_unsettled(std::vector<job::JobRef>& out) const {
  for (const auto& process : processes_) process->add_unsettled(out);
}

void Group::on_keeper_lost() {
  const std::size_t count = processes_.size();
  for (std::size_t i = count; i > 0; --i) processes_[i - 1]->on_keeper_lost();
}

}  // namespace coworker::service
