#include "service/backend.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <optional>

#include "async/event.h"
#include "base/build.h"
#include "service/event.h"

namespace coworker::service {
namespace {

using api::LoopState;
using api::WorkerView;

constexpr const char* kSite = "civi";

LoopState state_of(const Group& group, const std::vector<ConsumerProcess::Status>& statuses) {
  const auto some_are = [&](std::string_view state) {
    return std::any_of(statuses.begin(), statuses.end(), [&](const auto& each) { return each.state == state; });
  };
  if (group.leaving()) return statuses.empty() ? LoopState::exited : LoopState::spindown;
  if (group.wanted() == 0) {
    if (!statuses.empty()) return LoopState::spindown;
    return group.rest() == Group::Rest::stopped ? LoopState::exited : LoopState::paused;
  }
  if (some_are("ready")) return LoopState::looping;
  return some_are("waiting") ? LoopState::backoff : LoopState::spinup;
}

WorkerView view_of(const std::string& name, const Group& group) {
  WorkerView view;
  view.name = name;
  view.kind = api::WorkerKind::consumers;
  const std::vector<ConsumerProcess::Status> statuses = group.statuses();
  view.state = state_of(group, statuses);
  view.queues = group.limits().queues;
  view.least = group.limits().min_processes;
  view.most = group.limits().max_processes;
  view.wanted = group.wanted();
  for (const ConsumerProcess::Status& status : statuses) {
    view.processes.push_back({std::string{status.state}, status.pid, status.running, status.ended, status.starts,
                              status.pause, status.last_end});
  }
  return view;
}

/// As events tell it, and in one line for people.
boost::json::object object_of(const proc::Certificate& end) {
  boost::json::object object = boost::json::parse(to_json(end)).as_object();
  object["text"] = end.describe();
  object["pid"] = end.pid;
  return object;
}

WorkerView view_of(const LoopView& loop) {
  WorkerView view;
  view.name = loop.name;
  view.id = loop.id;
  view.kind = api::WorkerKind::loop;
  view.state = static_cast<LoopState>(loop.phase);
  view.pid = loop.pid;
  view.uptime = loop.uptime;
  view.looptime = loop.looptime;
  view.forever = loop.forever;
  view.rounds = loop.rounds;
  view.failed_rounds = loop.failed_rounds;
  view.restarts = loop.restarts;
  view.last_round = loop.last_round;
  view.last_failure = loop.last_failure;
  if (loop.last_exit) view.last_exit = object_of(*loop.last_exit);
  return view;
}

WorkerView view_of(const CiviTasks& civi) {
  const civi::Agent::Status status = civi.status();
  WorkerView view;
  view.name = kSite;
  view.kind = api::WorkerKind::civi;
  view.site = status.site;
  view.running = status.running;
  view.failures = status.failures;
  view.state = civi.is_paused()      ? LoopState::paused
               : status.failures > 0 ? LoopState::backoff
               : status.site.empty() ? LoopState::spinup
                                     : LoopState::looping;
  for (const auto& [queue, ended] : status.ended) {
    api::TasksView& tasks = view.tasks.emplace_back();
    tasks.queue = queue;
    for (std::size_t i = 0; i < ended.size(); ++i) {
      if (ended[i] > 0) tasks.ended[std::string{to_string(static_cast<civi::ItemOutcome>(i))}] = ended[i];
    }
  }
  const auto now = std::chrono::steady_clock::now();
  for (const civi::Agent::Left& left : status.left) {
    view.left.push_back({left.queue, left.id, std::chrono::duration_cast<Millis>(left.until - now)});
  }
  return view;
}

static_assert(static_cast<int>(LoopState::paused) == static_cast<int>(worker::LoopPhase::paused) &&
              static_cast<int>(LoopState::fatal) == static_cast<int>(worker::LoopPhase::fatal));

}  // namespace

SupervisorBackend::SupervisorBackend(async::Loop& loop, Answering& system) : loop_{loop}, system_{system} {}

std::vector<std::pair<std::string, Group*>> SupervisorBackend::named_groups() const {
  std::vector<std::pair<std::string, Group*>> named;
  std::map<std::string, int> seen;
  for (const auto& group : system_.groups()) {
    std::string name = fmt::format("consumers:{}", fmt::join(group->limits().queues, ","));
    if (const int count = ++seen[name]; count > 1) name += fmt::format("#{}", count);
    named.emplace_back(std::move(name), group.get());
  }
  return named;
}

Group* SupervisorBackend::group(const std::string& name) const {
  for (const auto& [own, group] : named_groups()) {
    if (own == name) return group;
  }
  return nullptr;
}

Error SupervisorBackend::unknown(const std::string& name) const {
  std::vector<std::string> names;
  for (const LoopView& loop : system_.loops() ? system_.loops()->list() : std::vector<LoopView>{}) {
    names.push_back(loop.name);
  }
  for (const auto& [own, group] : named_groups()) names.push_back(own);
  if (system_.civi() != nullptr) names.emplace_back(kSite);
  if (names.empty()) return {Errc::not_found, fmt::format("there is no worker '{}', and no other either", name)};
  return {Errc::not_found, fmt::format("there is no worker '{}', but {}", name, fmt::join(names, ", "))};
}

async::Task<Result<std::vector<WorkerView>>> SupervisorBackend::workers() {
  std::vector<WorkerView> all;
  for (const LoopView& loop : system_.loops() ? system_.loops()->list() : std::vector<LoopView>{}) {
    all.push_back(view_of(loop));
  }
  for (const auto& [name, group] : named_groups()) all.push_back(view_of(name, *group));
  if (const CiviTasks* civi = system_.civi()) all.push_back(view_of(*civi));
  co_return all;
}

async::Task<Result<WorkerView>> SupervisorBackend::worker(std::string name) {
  if (has_loop(name)) co_return view_of(*system_.loops()->find(name));
  if (const Group* found = group(name)) co_return view_of(name, *found);
  if (is_site(name)) co_return view_of(*system_.civi());
  co_return tl::unexpected{unknown(name)};
}

bool SupervisorBackend::is_site(const std::string& name) const {
  return name == kSite && system_.civi() != nullptr;
}

bool SupervisorBackend::has_loop(const std::string& name) const {
  return system_.loops() != nullptr && system_.loops()->find(name);
}

async::Task<Result<>> SupervisorBackend::act(std::string name, Result<> (Group::*of_group)(),
                                             async::Task<Result<>> (Loops::*of_loop)(std::string),
                                             std::optional<bool> pauses_site) {
  if (system_.is_stopping()) co_return fail(Errc::unavailable, "the supervisor is stopping");
  if (has_loop(name)) {
    Result<> done = co_await (system_.loops()->*of_loop)(name);
    co_return done;
  }
  if (Group* found = group(name)) co_return (found->*of_group)();
  if (is_site(name) && !pauses_site) {
    co_return fail(Errc::invalid_argument, "a site's queues are paused and resumed, nothing else");
  }
  if (is_site(name)) {
    system_.civi()->pause(*pauses_site);
    co_return Result<>{};
  }
  co_return tl::unexpected{unknown(name)};
}

async::Task<Result<>> SupervisorBackend::pause(std::string name) {
  return act(std::move(name), &Group::pause, &Loops::pause, true);
}
async::Task<Result<>> SupervisorBackend::resume(std::string name) {
  return act(std::move(name), &Group::resume, &Loops::resume, false);
}
async::Task<Result<>> SupervisorBackend::start(std::string name) {
  return act(std::move(name), &Group::start_again, &Loops::start, {});
}
async::Task<Result<>> SupervisorBackend::stop(std::string name) {
  return act(std::move(name), &Group::end, static_cast<async::Task<Result<>> (Loops::*)(std::string)>(&Loops::stop),
             {});
}
async::Task<Result<>> SupervisorBackend::restart(std::string name) {
  return act(std::move(name), &Group::restart, &Loops::restart, {});
}

async::Task<Result<>> SupervisorBackend::scale(std::string name, std::uint32_t processes) {
  if (system_.is_stopping()) co_return fail(Errc::unavailable, "the supervisor is stopping");
  if (has_loop(name)) co_return fail(Errc::invalid_argument, fmt::format("loop worker '{}' is one process", name));
  if (is_site(name)) co_return fail(Errc::invalid_argument, "a site's workers are as many as civi.workerCount says");
  if (Group* found = group(name)) {
    found->scale_to(processes);
    co_return Result<>{};
  }
  co_return tl::unexpected{unknown(name)};
}

async::Task<Result<boost::json::value>> SupervisorBackend::send(std::string name, std::string word,
                                                                boost::json::value arguments) {
  if (has_loop(name)) {
    Result<boost::json::value> reply =
        co_await system_.loops()->send(std::move(name), std::move(word), std::move(arguments));
    co_return reply;
  }
  if (group(name) == nullptr && !is_site(name)) co_return tl::unexpected{unknown(name)};
  co_return fail(Errc::invalid_argument, fmt::format("'{}' is no loop worker: it takes no words", name));
}

async::Task<Result<api::DaemonView>> SupervisorBackend::status() {
  api::DaemonView view;
  view.pid = ::getpid();
  view.version = version();
  view.build = build_id();
  view.store = system_.config().store;
  view.uptime = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started_);
  view.stopping = system_.is_stopping();
  view.held = system_.is_held();
  view.workers =
      system_.groups().size() + (system_.loops() ? system_.loops()->list().size() : 0) + (system_.civi() ? 1 : 0);
  co_return view;
}

async::Task<Result<api::Reloaded>> SupervisorBackend::reload() {
  if (system_.is_stopping()) co_return fail(Errc::unavailable, "the supervisor is stopping");
  co_return system_.read_again();
}

/// In the next turn of the loop, when the answer is on its way.
async::Task<Result<>> SupervisorBackend::shutdown() {
  boost::asio::post(loop_, [system = &system_] { system->shut_down(); });
  co_return Result<>{};
}

job::NewJob SupervisorBackend::new_job(const std::string& queue) {
  const auto found = system_.config().new_jobs.find(queue);
  job::NewJob job = found == system_.config().new_jobs.end() ? system_.config().other_job : found->second;
  job.queue = queue;
  return job;
}

bool SupervisorBackend::revives() {
  store::Store* store = system_.store();
  return store != nullptr && store->capabilities().revival;
}

namespace {

struct Question {
  explicit Question(async::Loop& loop) : answered{loop.get_executor()} {}

  async::Event answered;
  Result<job::Answer> answer;
};

}  // namespace

async::Task<Result<job::Answer>> SupervisorBackend::ask(job::Command command) {
  store::Store* store = system_.store();
  if (store == nullptr) co_return fail(Errc::unavailable, "the store is not open");
  auto question = std::make_shared<Question>(loop_);
  store->apply(std::move(command), [question](Result<job::Answer> answer) {
    question->answer = std::move(answer);
    question->answered.set();
  });
  co_await question->answered.wait();
  co_return std::move(question->answer);
}

}  // namespace coworker::service
