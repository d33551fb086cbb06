#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "app/command_list.h"
#include "app/config_value.h"
#include "app/control_client.h"
#include "app/output.h"

/// Commands for a supervisor that runs, through its control socket.
namespace coworker::app {
namespace {

namespace json = boost::json;

std::string text(const json::value& value) {
  if (value.is_string()) return printable(value.as_string());
  if (value.is_null()) return {};
  if (value.is_double()) return fmt::format("{}", value.as_double());
  return json::serialize(value);
}

std::string text(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? std::string{} : text(*value);
}

/// A number of seconds, as a person reads it.
std::string seconds(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return "-";
  return short_duration(Millis{std::llround(value->to_number<double>() * 1000)});
}

std::string or_dash(std::string said) {
  return said.empty() || said == "0" ? "-" : said;
}

void add_loop_row(std::vector<std::vector<std::string>>& rows, const json::object& worker) {
  const json::value* exit = worker.if_contains("last_exit");
  std::string last = exit != nullptr && exit->is_object() ? text(exit->get_object(), "text") : std::string{};
  if (std::string failure = text(worker, "last_failure"); !failure.empty()) last = std::move(failure);
  rows.push_back({text(worker, "name"), text(worker, "state_name"), or_dash(text(worker, "pid")),
                  seconds(worker, "uptime"), seconds(worker, "looptime"), text(worker, "rounds"),
                  text(worker, "failed_rounds"), text(worker, "restarts"), std::move(last)});
}

/// A row for the group, and one for each of its processes.
void add_group_rows(std::vector<std::vector<std::string>>& rows, const json::object& worker) {
  const json::array& processes = worker.at("processes").as_array();
  rows.push_back({text(worker, "name"), text(worker, "state_name"), "-", "-", "-", "-", "-", "-",
                  fmt::format("{} of {} processes, {} to {}", processes.size(), text(worker, "wanted"),
                              text(worker, "min"), text(worker, "max"))});
  for (const json::value& each : processes) {
    const json::object& process = each.as_object();
    const std::int64_t starts = process.at("starts").to_number<std::int64_t>();
    std::string last = text(process, "last_end");
    if (process.contains("pause")) last = fmt::format("next start in {}; {}", seconds(process, "pause"), last);
    rows.push_back({"  " + text(worker, "name"), text(process, "state"), or_dash(text(process, "pid")), "-", "-",
                    text(process, "ended"), "-", std::to_string(std::max<std::int64_t>(starts - 1, 0)),
                    std::move(last)});
  }
}

/// A row for the site, one for each of its queues, and one for each task that waits for the end of its lease.
void add_civi_rows(std::vector<std::vector<std::string>>& rows, const json::object& worker) {
  const auto add = [&rows](std::string name, std::string state, std::string last) {
    rows.push_back({std::move(name), std::move(state), "-", "-", "-", "-", "-", "-", std::move(last)});
  };
  add(text(worker, "name"), text(worker, "state_name"),
      fmt::format("{}; {} tasks run", text(worker, "site"), text(worker, "running")));
  for (const auto& [queue, ended] : worker.at("tasks").as_object()) {
    std::vector<std::string> counts;
    for (const auto& [outcome, count] : ended.as_object()) {
      counts.push_back(fmt::format("{} {}", text(count), std::string_view{outcome}));
    }
    add(fmt::format("  {}", printable(queue)), "-", fmt::format("{}", fmt::join(counts, ", ")));
  }
  for (const json::value& each : worker.at("left").as_array()) {
    const json::object& left = each.as_object();
    add(fmt::format("  {}", text(left, "queue")), "left",
        fmt::format("task {} comes again in {}", text(left, "id"), seconds(left, "lease_left")));
  }
}

int with_control(const Arguments& arguments, const std::string& method, json::array params,
                 void (*print_result)(const json::value&), const Context& context) {
  Result<ControlClient> client = ControlClient::open(arguments);
  if (!client) return complain(client.error());
  const Result<json::value> result = client->call(method, std::move(params));
  if (!result) return complain(result.error());
  context.json ? print_json(*result) : print_result(*result);
  return kDone;
}

/// `coworker worker pause NAME…`, or --all.
int run_deed(const Arguments& arguments, const Context& context, std::string_view deed, std::string_view done) {
  const std::vector<std::string> names = arguments.texts("NAME");
  if (names.empty() != arguments.has("all")) {
    return complain_usage(fmt::format("which worker? coworker worker {} NAME, or --all", deed));
  }
  Result<ControlClient> client = ControlClient::open(arguments);
  if (!client) return complain(client.error());
  json::object outcomes;
  int code = kDone;
  if (names.empty()) {
    const Result<json::value> result = client->call(fmt::format("worker.{}", deed), {});
    if (!result) return complain(result.error());
    outcomes = result->as_object();
  }
  for (const std::string& name : names) {
    const Result<json::value> result = client->call(fmt::format("worker.{}", deed), {json::string{name}});
    if (!result) code = complain(result.error());
    outcomes[name] = result.has_value();
  }
  for (const auto& [name, outcome] : outcomes) {
    if (outcome != true) code = kFailed;
    if (!context.json) print_line(fmt::format("{}: {}", printable(name), outcome == true ? done : "not done"));
  }
  if (context.json) print_json(outcomes);
  return code;
}

}  // namespace

std::string worker_table(const json::array& workers) {
  std::vector<std::vector<std::string>> rows;
  for (const json::value& each : workers) {
    const json::object& worker = each.as_object();
    const std::string kind = text(worker, "kind");
    if (kind == "loop") {
      add_loop_row(rows, worker);
    } else if (kind == "civi") {
      add_civi_rows(rows, worker);
    } else {
      add_group_rows(rows, worker);
    }
  }
  return table({"worker", "state", "pid", "uptime", "period", "rounds", "failed", "restarts", "last end"}, rows);
}

int run_reload(const Arguments& arguments, const Context& context) {
  Result<ControlClient> client = ControlClient::open(arguments);
  if (!client) return complain(client.error());
  const Result<json::value> result = client->call("daemon.reload", {});
  if (!result) return complain(result.error());
  const bool ok = result->at("ok").as_bool();
  if (context.json) {
    print_json(*result);
    return ok ? kDone : kFailed;
  }
  for (const json::value& line : result->at("text").as_array()) {
    if (ok) {
      print_line(text(line));
    } else {
      complain(Error{Errc::invalid_argument, text(line) + "; it goes on with the configuration it had"});
    }
  }
  return ok ? kDone : kFailed;
}

int run_worker_list(const Arguments& arguments, const Context& context) {
  return with_control(
      arguments, "worker.list", {}, [](const json::value& all) { print(worker_table(all.as_array())); }, context);
}

int run_worker_status(const Arguments& arguments, const Context& context) {
  const auto name = arguments.text("NAME");
  if (!name) {
    return with_control(
        arguments, "worker.status", {},
        [](const json::value& all) {
          for (const auto& [each, state] : all.as_object())
            print_line(fmt::format("{} {}", printable(each), text(state)));
        },
        context);
  }
  return with_control(
      arguments, "worker.info", {json::string{*name}},
      [](const json::value& worker) {
        for (const auto& [member, value] : worker.as_object()) {
          print_line(fmt::format("{:<14}{}", std::string_view{member}, text(value)));
        }
      },
      context);
}

int run_worker_pause(const Arguments& arguments, const Context& context) {
  return run_deed(arguments, context, "pause", "paused");
}
int run_worker_resume(const Arguments& arguments, const Context& context) {
  return run_deed(arguments, context, "resume", "resumed");
}
int run_worker_start(const Arguments& arguments, const Context& context) {
  return run_deed(arguments, context, "start", "started");
}
int run_worker_stop(const Arguments& arguments, const Context& context) {
  return run_deed(arguments, context, "stop", "stopped");
}
int run_worker_restart(const Arguments& arguments, const Context& context) {
  return run_deed(arguments, context, "restart", "restarted");
}

int run_worker_scale(const Arguments& arguments, const Context& context) {
  const Result<std::int64_t> count = parse_integer(*arguments.text("N"), 0);
  if (!count) return complain_usage("N: " + count.error().message());
  return with_control(
      arguments, "worker.scale", {json::string{*arguments.text("NAME")}, *count}, [](const json::value&) {}, context);
}

int run_worker_send(const Arguments& arguments, const Context& context) {
  json::array params{json::string{*arguments.text("NAME")}, json::string{*arguments.text("WORD")}};
  if (const auto given = arguments.text("JSON")) {
    boost::system::error_code error;
    json::value parsed = json::parse(*given, error);
    if (error) return complain_usage(fmt::format("'{}' is no JSON: {}", printable(*given), error.message()));
    params.push_back(std::move(parsed));
  }
  return with_control(
      arguments, "worker.send", std::move(params), [](const json::value& reply) { print_json(reply); }, context);
}

}  // namespace coworker::app
