#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "app/command_list.h"
#include "app/output.h"
#include "app/shared_profile.h"
#include "app/store_session.h"
#include "coworker/worker_factory.h"
#include "worker/running.h"
#include "worker/shared_socket.h"
#include "worker/status.h"

namespace coworker::app {
namespace {

constexpr Millis kStopTimeout{30'000};
constexpr Millis kQueryTimeout{10'000};
constexpr Millis kLook{1'000};

int complain(const Failure& failure) {
  return app::complain(Error{Errc::internal, failure.text});
}

int complain_of(const Error& error) {
  return error.code() == Errc::invalid_argument ? complain_usage(error.message()) : app::complain(error);
}

/// Connects to one that runs; never starts anything.
Answer<SharedWorker> reach(const SharedTarget& target, Millis timeout) {
  Profile profile = target.profile;
  profile.connect_limit = timeout;
  return WorkerFactory{profile}.connect(target.address);
}

std::string text_of(const Counter& counter) {
  const auto number = [](const std::optional<double>& each) {
    return each ? fmt::format("{}", *each) : std::string{"-"};
  };
  std::string text =
      fmt::format("{:<24} {} {}", printable(counter.name), number(counter.value), printable(counter.unit));
  if (counter.min || counter.max) text += fmt::format("  ({} to {})", number(counter.min), number(counter.max));
  return text;
}

/// Whether somebody does who is not in our list: another user's, or on another machine.
std::string who_listens(const channel::Address& address) {
  const Result<Fd> fd = worker::connect_to(address, std::chrono::steady_clock::now() + kLook);
  return fd ? "yes" : fd.error().code() == Errc::not_found ? "no" : "unknown";
}

/// Of the worker that runs at an address of this machine.
std::optional<long> pid_of(const std::string& address) {
  const auto parsed = worker::parse_shared_address(address);
  if (!parsed) return std::nullopt;
  for (const worker::Running& each : worker::running_workers()) {
    if (each.address == to_string(*parsed)) return each.pid;
  }
  return std::nullopt;
}

}  // namespace

int run_shared_start(const Arguments& arguments, const Context& context) {
  const Result<SharedTarget> target = shared_target(arguments, Side::worker);
  if (!target) return complain_of(target.error());
  if (target->worker.empty() && target->command.empty()) {
    return complain_usage("say what to start: --worker NAME, or a command after --");
  }
  const WorkerFactory factory{target->profile};
  const Answer<> started = target->command.empty() ? factory.start_shared(target->address, target->worker)
                                                   : factory.start_shared_program(target->address, target->command);
  if (!started) return complain(started.failure());
  const auto pid = pid_of(target->address);
  if (context.json) {
    boost::json::object shown{{"address", json_text(target->address)}};
    if (pid) shown["pid"] = *pid;
    print_json(shown);
  } else {
    print_line(pid ? fmt::format("{} runs as process {}", printable(target->address), *pid)
                   : fmt::format("{} runs", printable(target->address)));
  }
  return kDone;
}

int run_shared_stop(const Arguments& arguments, const Context& context) {
  const Result<SharedTarget> target = shared_target(arguments);
  if (!target) return complain_of(target.error());
  const Result<Millis> timeout = timeout_of(arguments, kStopTimeout);
  if (!timeout) return complain_of(timeout.error());
  Answer<SharedWorker> worker = reach(*target, *timeout);
  if (!worker) return complain(worker.failure());
  const Answer<bool> stopped = worker->stop(*timeout);
  if (!stopped) return complain(stopped.failure());
  bool has_ended = false;
  if (!arguments.has("no-wait")) {
    if (!*stopped) {
      return complain(
          Failure{Trouble::timed_out, "it was asked to stop and has not ended in time; is the cookie right?"});
    }
    const Answer<> end = worker->wait_for_end(*timeout);
    if (!end) return complain(Failure{end.trouble(), "it listens no more, but has not ended in time"});
    has_ended = true;
  }
  if (context.json) {
    print_json(boost::json::object{{"acknowledged", *stopped}, {"ended", has_ended}});
  } else {
    print_line(has_ended ? "stopped" : *stopped ? "stopping" : "asked to stop; it does not acknowledge");
  }
  return kDone;
}

int run_shared_query(const Arguments& arguments, const Context& context) {
  const Result<SharedTarget> target = shared_target(arguments);
  if (!target) return complain_of(target.error());
  const Result<Millis> timeout = timeout_of(arguments, kQueryTimeout);
  if (!timeout) return complain_of(timeout.error());
  Answer<SharedWorker> worker = reach(*target, *timeout);
  if (!worker) return complain(worker.failure());
  const Answer<Status> status = worker->query(*timeout);
  if (!status) return complain(status.failure());
  if (context.json) {
    print_json(boost::json::parse(worker::to_json(*status)));
    return kDone;
  }
  if (status->text) print_line(printable(*status->text));
  for (const Counter& counter : status->counters) print_line(text_of(counter));
  return kDone;
}

int run_shared_list(const Arguments& arguments, const Context& context) {
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain_of(configuration.error());
  const auto configured = configured_shared(configuration->settings);
  if (!configured) return complain_of(configured.error());
  struct Row {
    std::string name, address, runs;
    long pid = 0;
  };
  std::vector<Row> rows;
  for (const worker::Running& each : worker::running_workers())
    rows.push_back({each.name, each.address, "yes", each.pid});
  for (const auto& [name, target] : *configured) {
    const auto address = worker::parse_shared_address(target.address);
    const std::string text = address ? to_string(*address) : target.address;
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.address == text; });
    if (found == rows.end()) {
      rows.push_back({name, text, address ? who_listens(*address) : "no"});
    } else {
      found->name = name;
    }
  }
  if (context.json) {
    boost::json::array all;
    for (const Row& row : rows) {
      boost::json::object shown{
          {"name", json_text(row.name)}, {"address", json_text(row.address)}, {"runs", row.runs == "yes"}};
      if (row.runs == "unknown") shown["runs"] = nullptr;
      if (row.pid != 0) shown["pid"] = row.pid;
      all.push_back(std::move(shown));
    }
    print_json(all);
    return kDone;
  }
  std::vector<std::vector<std::string>> lines;
  for (const Row& row : rows) {
    lines.push_back({printable(row.name), printable(row.address), row.runs, row.pid ? std::to_string(row.pid) : "-"});
  }
  print(table({"worker", "address", "runs", "pid"}, lines));
  return kDone;
}

}  // namespace coworker::app
