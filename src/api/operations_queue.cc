#include <fmt/format.h>

#include <map>

#include "api/ask.h"
#include "api/operation.h"
#include "api/value_json.h"
#include "api/view_json.h"

/// Queues, and the store as a whole.
namespace coworker::api {
namespace {

using Answer = async::Task<Result<Value>>;

constexpr std::uint32_t kPage = 1'000;

Answer list(Backend& backend, Value::Array) {
  // A scan may see a queue twice.
  std::map<std::string, job::QueueView> queues;
  job::ScanQueues scan;
  scan.count = kPage;
  do {
    Result<job::QueuePage> page = co_await ask_for<job::QueuePage>(backend, scan);
    if (!page) co_return tl::unexpected{std::move(page.error())};
    for (job::QueueView& queue : page->queues) queues.insert_or_assign(queue.name, std::move(queue));
    scan.cursor = page->cursor;
  } while (scan.cursor != 0);
  Value::Array all;
  for (const auto& [name, queue] : queues) all.push_back(to_value(to_json(queue)));
  co_return all;
}

Answer show(Backend& backend, Value::Array arguments) {
  const std::string name = *arguments[0].get<std::string>();
  job::QueueStat question{name};
  const Result<job::QueueView> queue = co_await ask_for<job::QueueView>(backend, std::move(question));
  if (!queue && queue.error().code() == Errc::not_found) {
    co_return fail(Errc::not_found, fmt::format("there is no queue '{}'", name));
  }
  if (!queue) co_return tl::unexpected{queue.error()};
  co_return to_value(to_json(*queue));
}

/// Without a direction a pause lets adding go on, and a resume ends both.
template <bool kPaused>
Answer set_pause(Backend& backend, Value::Array arguments) {
  job::SetQueue set;
  set.queue = *arguments[0].get<std::string>();
  const std::string direction =
      arguments.size() > 1 ? *arguments[1].get<std::string>() : std::string{kPaused ? "out" : "both"};
  if (direction != "in" && direction != "out" && direction != "both") {
    co_return fail(Errc::invalid_argument, fmt::format("direction '{}' is not one of in, out, both", direction));
  }
  if (direction != "out") set.pause_in = kPaused;
  if (direction != "in") set.pause_out = kPaused;
  const Result<job::QueueView> queue = co_await ask_for<job::QueueView>(backend, std::move(set));
  if (!queue) co_return tl::unexpected{queue.error()};
  co_return to_value(to_json(*queue));
}

Answer purge(Backend& backend, Value::Array arguments) {
  job::Purge command;
  command.queue = *arguments[0].get<std::string>();
  const Result<job::Count> purged = co_await ask_for<job::Count>(backend, std::move(command));
  if (!purged) co_return tl::unexpected{purged.error()};
  co_return Value{purged->count};
}

Answer totals(Backend& backend, Value::Array) {
  const job::Totals question;
  const Result<job::StoreTotals> store = co_await ask_for<job::StoreTotals>(backend, question);
  if (!store) co_return tl::unexpected{store.error()};
  co_return to_value(to_json(*store));
}

}  // namespace

std::vector<Operation> queue_operations() {
  const Parameter queue{"queue", Type::text};
  const Parameter direction{"direction", Type::text};
  return {
      {"queue.list", "Queues and how many jobs they hold", Access::look, {{{Type::array, {}}, list}}},
      {"queue.info", "One queue", Access::look, {{{Type::map, {queue}}, show}}},
      {"queue.pause",
       "Stop handing out a queue's jobs (out, the default), or taking new ones (in), or both",
       Access::operate,
       {{{Type::map, {queue}}, set_pause<true>}, {{Type::map, {queue, direction}}, set_pause<true>}}},
      {"queue.resume",
       "The opposite of queue.pause; by default in both directions",
       Access::operate,
       {{{Type::map, {queue}}, set_pause<false>}, {{Type::map, {queue, direction}}, set_pause<false>}}},
      {"queue.purge",
       "Remove all jobs of a queue; how many there were",
       Access::operate,
       {{{Type::integer, {queue}}, purge}}},
      {"store.status", "Counters of the store", Access::look, {{{Type::map, {}}, totals}}},
  };
}

}  // namespace coworker::api
