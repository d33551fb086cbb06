#include <boost/json/array.hpp>

#include "api/operation.h"
#include "api/value_json.h"
#include "api/view_json.h"

/// Loop workers and groups of consumers.
namespace coworker::api {
namespace {

using Answer = async::Task<Result<Value>>;
using Deed = async::Task<Result<>> (Backend::*)(std::string name);

std::string text(const Value& value) {
  return *value.get<std::string>();
}

Value state_of(const WorkerView& worker) {
  return static_cast<int>(worker.state);
}

Answer list(Backend& backend, Value::Array) {
  const Result<std::vector<WorkerView>> workers = co_await backend.workers();
  if (!workers) co_return tl::unexpected{workers.error()};
  Value::Array all;
  for (const WorkerView& worker : *workers) all.push_back(to_value(to_json(worker)));
  co_return all;
}

Answer all_states(Backend& backend, Value::Array) {
  const Result<std::vector<WorkerView>> workers = co_await backend.workers();
  if (!workers) co_return tl::unexpected{workers.error()};
  Value::Map all;
  for (const WorkerView& worker : *workers) all.emplace(worker.name, state_of(worker));
  co_return all;
}

Answer one_state(Backend& backend, Value::Array arguments) {
  const Result<WorkerView> worker = co_await backend.worker(text(arguments[0]));
  if (!worker) co_return tl::unexpected{worker.error()};
  co_return state_of(*worker);
}

Answer show(Backend& backend, Value::Array arguments) {
  const Result<WorkerView> worker = co_await backend.worker(text(arguments[0]));
  if (!worker) co_return tl::unexpected{worker.error()};
  co_return to_value(to_json(*worker));
}

/// Of one worker: true, or an error that says why not.
template <Deed kDeed>
Answer one(Backend& backend, Value::Array arguments) {
  const Result<> done = co_await (backend.*kDeed)(text(arguments[0]));
  if (!done) co_return tl::unexpected{done.error()};
  co_return Value{true};
}

/// Of all: for each whether it was done.
template <Deed kDeed>
Answer each(Backend& backend, Value::Array) {
  const Result<std::vector<WorkerView>> workers = co_await backend.workers();
  if (!workers) co_return tl::unexpected{workers.error()};
  Value::Map outcomes;
  for (const WorkerView& worker : *workers) {
    const Result<> done = co_await (backend.*kDeed)(worker.name);
    outcomes.emplace(worker.name, done.has_value());
  }
  co_return outcomes;
}

Answer scale(Backend& backend, Value::Array arguments) {
  constexpr std::int64_t kMost = 10'000;
  const std::int64_t processes = *arguments[1].get<std::int64_t>();
  if (processes < 0 || processes > kMost) {
    co_return fail(Errc::invalid_argument, std::to_string(processes) + " processes: 0 to 10000 are possible");
  }
  const Result<> done = co_await backend.scale(text(arguments[0]), static_cast<std::uint32_t>(processes));
  if (!done) co_return tl::unexpected{done.error()};
  co_return Value{true};
}

Answer send(Backend& backend, Value::Array arguments) {
  boost::json::value passed = arguments.size() > 2 ? to_json(arguments[2]) : boost::json::value{};
  const Result<boost::json::value> reply =
      co_await backend.send(text(arguments[0]), text(arguments[1]), std::move(passed));
  if (!reply) co_return tl::unexpected{reply.error()};
  co_return to_value(*reply);
}

const Parameter kName{"name", Type::text};

template <Deed kDeed>
Operation deed(std::string name, std::string help) {
  return {std::move(name),
          std::move(help),
          Access::operate,
          {{{Type::map, {}}, each<kDeed>}, {{Type::boolean, {kName}}, one<kDeed>}}};
}

}  // namespace

std::vector<Operation> worker_operations() {
  return {
      {"worker.list", "All workers, in the order of their installation", Access::look, {{{Type::array, {}}, list}}},
      {"worker.status",
       "The state of a worker, or of all: 0 spinup, 1 looping, 2 paused, 3 spindown, 4 exited, 5 backoff, 6 fatal",
       Access::look,
       {{{Type::map, {}}, all_states}, {{Type::integer, {kName}}, one_state}}},
      {"worker.info", "All that is known of a worker", Access::look, {{{Type::map, {kName}}, show}}},
      deed<&Backend::pause>("worker.pause", "Let a worker, or all, rest; what runs is finished"),
      deed<&Backend::resume>("worker.resume", "Let a paused worker, or all, go on"),
      deed<&Backend::start>("worker.start", "Start a stopped worker, or all that are stopped"),
      deed<&Backend::stop>("worker.stop", "End a worker, or all; they are not started again"),
      deed<&Backend::restart>("worker.restart", "End a worker, or all, and start anew"),
      {"worker.scale",
       "So many processes of a group of consumers, until the configuration is read again",
       Access::operate,
       {{{Type::boolean, {kName, {"processes", Type::integer}}}, scale}}},
      {"worker.send",
       "Send a word, with arguments, to a loop worker; its reply",
       Access::operate,
       {{{Type::any, {kName, {"word", Type::text}}}, send},
        {{Type::any, {kName, {"word", Type::text}, {"arguments", Type::any}}}, send}}},
  };
}

}  // namespace coworker::api
