#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "app/command_list.h"
#include "app/output.h"
#include "app/store_session.h"
#include "base/fd.h"
#include "service/state_file.h"

/// Commands for a supervisor that runs on this machine.
namespace coworker::app {
namespace {

using service::RunState;
using Clock = std::chrono::steady_clock;

constexpr Millis kPatience{30'000};

Result<std::string> store_of(const Arguments& arguments) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{std::move(configuration.error())};
  return configuration->settings.text({"store"});
}

tl::unexpected<Error> none_runs(const std::string& store) {
  return fail(Errc::not_found, fmt::format("no supervisor of {} runs here (looked in {} for supervisor-*.json)", store,
                                           service::state_directory(store)));
}

/// Waits until the directory changes, at most until `end`.
void wait_for_change(int watch, Clock::time_point end) {
  const auto left = std::chrono::duration_cast<Millis>(end - Clock::now()).count();
  pollfd polled{watch, POLLIN, 0};
  char events[4096];
  if (::poll(&polled, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0) {
    [[maybe_unused]] const ssize_t ignored = ::read(watch, events, sizeof events);
  }
}

/// Asks one supervisor to read its configuration again, and waits for what comes of it.
Result<RunState::Reload> reload(const RunState& before, const std::string& store) {
  const Fd watch{::inotify_init1(IN_CLOEXEC)};
  if (!watch || ::inotify_add_watch(watch.get(), service::state_directory(store).c_str(), IN_MOVED_TO) < 0) {
    return fail_errno(errno, fmt::format("watch {}", service::state_directory(store)));
  }
  if (::kill(before.pid, SIGHUP) < 0) return fail_errno(errno, fmt::format("signal the supervisor {}", before.pid));
  const Clock::time_point end = Clock::now() + kPatience;
  while (Clock::now() < end) {
    const std::vector<RunState> all = service::running_supervisors(store);
    const auto now = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.pid == before.pid; });
    if (now == all.end()) return fail(Errc::unavailable, fmt::format("the supervisor {} has ended", before.pid));
    if (now->reload.count > before.reload.count) return now->reload;
    if (now->stopping) return fail(Errc::unavailable, fmt::format("the supervisor {} is stopping", before.pid));
    wait_for_change(watch.get(), end);
  }
  return fail(Errc::unavailable, fmt::format("the supervisor {} does not answer", before.pid));
}

std::string pause_text(const RunState::Consumer& consumer) {
  return consumer.state == "waiting" ? "next start in " + short_duration(consumer.pause) : std::string{};
}

void print_consumers(const std::vector<RunState>& supervisors) {
  std::vector<std::vector<std::string>> rows;
  for (const RunState& supervisor : supervisors) {
    for (const RunState::Group& group : supervisor.groups) {
      const std::string queues = printable(fmt::format("{}", fmt::join(group.queues, " ")));
      for (const RunState::Consumer& consumer : group.consumers) {
        rows.push_back({queues, consumer.pid == 0 ? "-" : std::to_string(consumer.pid), consumer.state,
                        std::to_string(consumer.starts), pause_text(consumer), printable(consumer.last_end)});
      }
    }
  }
  print(table({"queues", "pid", "state", "starts", "", "last end"}, rows));
}

}  // namespace

int run_reload(const Arguments& arguments, const Context& context) {
  const Result<std::string> store = store_of(arguments);
  if (!store) return complain(store.error());
  const std::vector<RunState> supervisors = service::running_supervisors(*store);
  if (supervisors.empty()) return complain(none_runs(*store).value());
  int code = kDone;
  for (const RunState& supervisor : supervisors) {
    const Result<RunState::Reload> outcome = reload(supervisor, *store);
    if (!outcome) {
      code = complain(outcome.error());
      continue;
    }
    if (!outcome->ok) code = kFailed;
    if (context.json) {
      print(boost::json::serialize(
                boost::json::object{{"pid", supervisor.pid},
                                    {"ok", outcome->ok},
                                    {"text", boost::json::array(outcome->text.begin(), outcome->text.end())}}) +
            "\n");
      continue;
    }
    for (const std::string& text : outcome->text) {
      if (outcome->ok) print(text + "\n");
      if (!outcome->ok) complain(Error{Errc::invalid_argument, text + "; it goes on with the configuration it had"});
    }
  }
  return code;
}

int run_worker_list(const Arguments& arguments, const Context& context) {
  const Result<std::string> store = store_of(arguments);
  if (!store) return complain(store.error());
  const std::vector<RunState> supervisors = service::running_supervisors(*store);
  if (supervisors.empty()) return complain(none_runs(*store).value());
  if (!context.json) {
    print_consumers(supervisors);
    return kDone;
  }
  boost::json::array all;
  for (const RunState& supervisor : supervisors) all.push_back(boost::json::parse(service::to_text(supervisor)));
  print(boost::json::serialize(all) + "\n");
  return kDone;
}

}  // namespace coworker::app
