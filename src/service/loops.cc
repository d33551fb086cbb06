#include "service/loops.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <map>
#include <utility>

#include "async/event.h"
#include "base/log.h"
#include "service/loop_process.h"

namespace coworker::service {
namespace {

/// What somebody waits for, alive until both have let go of it.
struct Answered {
  explicit Answered(async::Loop& loop) : event{loop.get_executor()} {}
  async::Event event;
  Result<boost::json::value> result;
};

Loops::Done into(const std::shared_ptr<Answered>& answered) {
  return [answered](Result<boost::json::value> result) {
    answered->result = std::move(result);
    answered->event.set();
  };
}

bool depends(const LoopProcess& dependent, const LoopProcess& on) {
  const std::vector<std::string>& after = dependent.config().after;
  return std::find(after.begin(), after.end(), on.config().name) != after.end();
}

}  // namespace

Loops::Loops(async::Loop& loop, Setting setting, Events events)
    : loop_{loop}, setting_{std::move(setting)}, events_{std::move(events)}, deadline_{loop} {}

Loops::~Loops() = default;

void Loops::apply(const std::vector<LoopConfig>& configs, const log::Options& log) {
  const bool same_log =
      log.level == setting_.log.level && log.format == setting_.log.format && log.file == setting_.log.file;
  setting_.log = log;
  std::vector<std::unique_ptr<LoopProcess>> former = std::exchange(processes_, {});
  for (const LoopConfig& config : configs) {
    const auto same = std::find_if(former.begin(), former.end(), [&](const auto& each) {
      return each != nullptr && same_log && each->config() == config;
    });
    if (same != former.end()) {
      processes_.push_back(std::move(*same));
      continue;
    }
    LoopProcess::Events events;
    events.on_change = [this] { settle_later(); };
    events.on_end = [this](const std::string& text) { events_.on_end(text); };
    processes_.push_back(std::make_unique<LoopProcess>(loop_, config, setting_, std::move(events)));
    processes_.back()->hold(held_);
  }
  for (std::unique_ptr<LoopProcess>& each : former) {
    if (each == nullptr) continue;
    each->retire();
    leaving_.push_back(std::move(each));
  }
  settle_later();
}

void Loops::hold(bool on) {
  held_ = on;
  for (const auto& each : processes_) each->hold(on);
}

void Loops::stop(Millis grace) {
  const bool again = std::exchange(stopping_, true);
  for (const auto& each : processes_) each->retire();
  in_order_ = !again;
  const auto end = std::chrono::steady_clock::now() + grace;
  deadline_.expires_after(std::min(grace, setting_.stop_grace));
  deadline_.async_wait([this, end](boost::system::error_code error) {
    if (error) return;
    // Who still waits for a dependent has some time left for its own end.
    in_order_ = false;
    settle();
    deadline_.expires_at(end);
    deadline_.async_wait([this](boost::system::error_code late) {
      if (late) return;
      for (const auto* list : {&processes_, &leaving_}) {
        for (const auto& each : *list) each->kill();
      }
    });
  });
  settle_later();
}

bool Loops::is_over() const {
  const auto idle = [](const auto& each) { return !each->has_process(); };
  return stopping_ && std::all_of(processes_.begin(), processes_.end(), idle) &&
         std::all_of(leaving_.begin(), leaving_.end(), idle);
}

/// Whatever has changed calls this; what follows from it is done at the loop's next turn, once.
void Loops::settle_later() {
  if (std::exchange(settling_, true)) return;
  boost::asio::post(loop_, [this, alive = std::weak_ptr<bool>{alive_}] {
    if (alive.expired()) return;
    settling_ = false;
    settle();
  });
}

void Loops::settle() {
  for (const auto* list : {&processes_, &leaving_}) {
    for (const auto& each : *list) {
      if (each->is_retired() && each->has_process() && !(in_order_ && has_running_dependent(*each))) each->stop();
    }
  }
  std::erase_if(leaving_, [](const auto& each) { return !each->has_process(); });
  if (!stopping_) {
    for (const auto& each : processes_) {
      if (may_start(*each)) each->launch();
    }
  }
  if (is_over()) {
    deadline_.cancel();
    events_.on_over();
  }
}

bool Loops::may_start(const LoopProcess& process) const {
  if (!process.wants_start() || setting_.keeper() == nullptr) return false;
  const auto is_former = [&](const auto& each) { return each->config().name == process.config().name; };
  if (std::any_of(leaving_.begin(), leaving_.end(), is_former)) return false;
  const std::vector<std::string>& after = process.config().after;
  return std::all_of(after.begin(), after.end(), [this](const std::string& name) {
    const LoopProcess* other = at(name);
    return other == nullptr || other->is_up();
  });
}

bool Loops::has_running_dependent(const LoopProcess& process) const {
  for (const auto* list : {&processes_, &leaving_}) {
    for (const auto& each : *list) {
      if (each->is_retired() && each->has_process() && depends(*each, process)) return true;
    }
  }
  return false;
}

void Loops::reopen_files() {
  for (const auto& each : processes_) each->reopen_files();
}

bool Loops::on_gone(std::uint32_t owner) {
  for (const auto* list : {&processes_, &leaving_}) {
    for (const auto& each : *list) {
      if (each->on_gone(owner)) return true;
    }
  }
  return false;
}

void Loops::on_keeper_lost() {
  for (const auto* list : {&processes_, &leaving_}) {
    for (const auto& each : *list) each->on_keeper_lost();
  }
  settle_later();
}

LoopProcess* Loops::at(const std::string& name) const {
  const auto found =
      std::find_if(processes_.begin(), processes_.end(), [&](const auto& each) { return each->config().name == name; });
  return found == processes_.end() ? nullptr : found->get();
}

std::vector<LoopView> Loops::list() const {
  std::vector<LoopView> views;
  for (const auto& each : processes_) views.push_back(each->view());
  return views;
}

std::optional<LoopView> Loops::find(const std::string& name) const {
  const LoopProcess* process = at(name);
  return process == nullptr ? std::nullopt : std::optional{process->view()};
}

async::Task<Result<boost::json::value>> Loops::ask(std::string name, Request request) {
  LoopProcess* process = at(name);
  if (process == nullptr) co_return fail(Errc::not_found, fmt::format("there is no loop worker '{}'", name));
  if (stopping_) co_return fail(Errc::unavailable, "the supervisor stops");
  const auto answered = std::make_shared<Answered>(loop_);
  request(*process, into(answered));
  co_await answered->event.wait();
  co_return std::move(answered->result);
}

async::Task<Result<>> Loops::act(std::string name, void (LoopProcess::*what)(Done done)) {
  Request request = [what](LoopProcess& process, Done done) { (process.*what)(std::move(done)); };
  Result<boost::json::value> result = co_await ask(std::move(name), std::move(request));
  if (!result) co_return tl::unexpected{std::move(result).error()};
  co_return Result<>{};
}

async::Task<Result<>> Loops::pause(std::string name) {
  return act(std::move(name), &LoopProcess::pause);
}
async::Task<Result<>> Loops::resume(std::string name) {
  return act(std::move(name), &LoopProcess::resume);
}
async::Task<Result<>> Loops::start(std::string name) {
  return act(std::move(name), &LoopProcess::start);
}
async::Task<Result<>> Loops::stop(std::string name) {
  return act(std::move(name), &LoopProcess::stop_for);
}
async::Task<Result<>> Loops::restart(std::string name) {
  return act(std::move(name), &LoopProcess::restart);
}

async::Task<Result<boost::json::value>> Loops::send(std::string name, std::string word, boost::json::value arguments) {
  Request request = [word = std::move(word), arguments = std::move(arguments)](LoopProcess& process,
                                                                               Done done) mutable {
    process.send(std::move(word), std::move(arguments), std::move(done));
  };
  return ask(std::move(name), std::move(request));
}

}  // namespace coworker::service
