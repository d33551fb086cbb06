#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "api/ask.h"
#include "api/operation.h"
#include "api/options.h"
#include "api/value_json.h"
#include "api/view_json.h"
#include "base/time.h"
#include "job/new_job.h"

/// Jobs.
namespace coworker::api {
namespace {

using Answer = async::Task<Result<Value>>;

constexpr std::uint32_t kPage = 500;
constexpr std::uint64_t kUsualLimit = 100;

Result<job::JobId> id_of(const Value& value) {
  const std::string& text = *value.get<std::string>();
  if (const std::optional<job::JobId> id = job::parse_id(text)) return *id;
  return fail(Errc::invalid_argument, fmt::format("'{}' is not a job id", text));
}

std::string json_of(const Value& value) {
  return boost::json::serialize(to_json(value));
}

/// Fills in what the caller says.
Result<> apply_options(Options options, job::NewJob& job) {
  const auto whole = [](Millis duration) { return std::chrono::ceil<Seconds>(duration); };
  if (const auto delay = options.take_duration("delay")) job.delay = *delay;
  if (const auto lifetime = options.take_duration("ttl")) job.lifetime = whole(*lifetime);
  if (const auto limit = options.take_duration("process_timeout")) job.process_timeout = whole(*limit);
  if (const auto retry = options.take_duration("retry")) job.retry = whole(*retry);
  if (const auto window = options.take_duration("idempotency_window")) job.idempotency_window = whole(*window);
  if (const auto priority = options.take<std::int64_t>("priority")) job.priority = *priority;
  if (const auto most = options.take_count("max_length")) job.max_length = static_cast<std::int64_t>(*most);
  if (auto text = options.take<std::string>("unique")) job.unique = std::move(*text);
  if (auto text = options.take<std::string>("group")) job.group = std::move(*text);
  if (auto text = options.take<std::string>("idempotency_key")) job.idempotency_key = std::move(*text);
  if (auto metadata = options.take<Value::Map>("metadata")) job.metadata = json_of(*metadata);
  return options.check();
}

Answer add(Backend& backend, Value::Array arguments) {
  const std::string queue = *arguments[0].get<std::string>();
  job::NewJob job = backend.new_job(queue);
  job.body = json_of(arguments[1]);
  if (arguments.size() > 2) {
    Options options{std::move(*arguments[2].get<Value::Map>())};
    if (Result<> read = apply_options(std::move(options), job); !read) co_return tl::unexpected{read.error()};
  }
  Result<job::Add> command = job::make_add(job, wall_millis());
  if (!command) co_return tl::unexpected{command.error()};
  const Result<job::Added> added = co_await ask_for<job::Added>(backend, std::move(*command));
  if (!added) co_return tl::unexpected{added.error()};
  if (!job::is_stored(*added)) co_return tl::unexpected{job::refusal(*added, queue)};
  co_return Value{to_string(added->id)};
}

struct Listing {
  job::ScanJobs scan;
  std::uint64_t limit = kUsualLimit;
};

Result<Listing> listing_of(Options options) {
  Listing listing;
  listing.scan.count = kPage;
  listing.scan.queue = options.take<std::string>("queue");
  listing.scan.dead = options.take<bool>("dead").value_or(false);
  listing.scan.bodies = options.take<bool>("bodies").value_or(false);
  listing.limit = options.take_count("limit").value_or(kUsualLimit);
  for (const std::string& name : options.take_texts("states")) {
    const auto before = listing.scan.states.size();
    for (const job::State state : {job::State::scheduled, job::State::ready, job::State::leased}) {
      if (name == to_string(state)) listing.scan.states.push_back(state);
    }
    if (listing.scan.states.size() == before) {
      options.refuse(fmt::format("'{}' is not one of scheduled, ready, leased", name));
    }
  }
  if (Result<> read = options.check(); !read) return tl::unexpected{read.error()};
  return listing;
}

Answer list(Backend& backend, Value::Array arguments) {
  Options options{arguments.empty() ? Value::Map{} : std::move(*arguments[0].get<Value::Map>())};
  Result<Listing> listing = listing_of(std::move(options));
  if (!listing) co_return tl::unexpected{listing.error()};
  Value::Array jobs;
  std::set<std::string> seen;
  do {
    Result<job::Views> page = co_await ask_for<job::Views>(backend, listing->scan);
    if (!page) co_return tl::unexpected{std::move(page.error())};
    for (const job::View& job : page->jobs) {
      if (jobs.size() >= listing->limit) co_return jobs;
      if (seen.insert(to_string(job.id)).second) jobs.push_back(to_value(to_json(job)));
    }
    listing->scan.cursor = page->cursor;
  } while (listing->scan.cursor != 0);
  co_return jobs;
}

/// What the store remembers of the job, also after its end.
async::Task<Result<Value::Array>> history_of(Backend& backend, job::JobId id) {
  Value::Array events;
  job::History question;
  question.id = id;
  for (;;) {
    const Result<job::HistoryPage> page = co_await ask_for<job::HistoryPage>(backend, question);
    // A store without a history says so; then there is nothing to tell.
    if (!page || page->events.empty()) co_return events;
    for (const std::string& event : page->events) {
      boost::system::error_code error;
      events.push_back(to_value(boost::json::parse(event, error)));
    }
    question.after = page->cursor;
  }
}

Answer show(Backend& backend, Value::Array arguments) {
  const Result<job::JobId> id = id_of(arguments[0]);
  if (!id) co_return tl::unexpected{id.error()};
  job::Show question{*id};
  const Result<job::View> job = co_await ask_for<job::View>(backend, question);
  if (!job && job.error().code() != Errc::not_found) co_return tl::unexpected{job.error()};
  Result<Value::Array> history = co_await history_of(backend, *id);
  if (!history) co_return tl::unexpected{history.error()};
  if (!job && history->empty()) co_return fail(Errc::not_found, fmt::format("there is no job {}", to_string(*id)));
  Value::Map shown;
  if (job) {
    const Value view = to_value(to_json(*job));
    shown = *view.get<Value::Map>();
  } else {
    shown.emplace("state", "gone");
  }
  shown.emplace("history", std::move(*history));
  co_return shown;
}

Answer cancel(Backend& backend, Value::Array arguments) {
  const Result<job::JobId> id = id_of(arguments[0]);
  if (!id) co_return tl::unexpected{id.error()};
  job::Remove remove;
  remove.jobs.push_back(*id);
  const Result<job::Statuses> removed = co_await ask_for<job::Statuses>(backend, std::move(remove));
  if (!removed) co_return tl::unexpected{removed.error()};
  const bool is_done = removed->done() == 1;
  if (is_done) {
    const boost::json::object event{{"event", "cancelled"}, {"time", wall_millis()}};
    job::Record record;
    record.items.push_back({*id, boost::json::serialize(event)});
    const Result<job::Answer> recorded = co_await backend.ask(std::move(record));
    static_cast<void>(recorded);  // the job is gone all the same
  }
  co_return Value{is_done};
}

}  // namespace

std::vector<Operation> job_operations() {
  const Parameter id{"id", Type::text};
  const Parameter queue{"queue", Type::text};
  const Parameter body{"body", Type::any};
  return {
      {"job.add",
       "Add a job; its id. Options: delay, ttl, process_timeout, retry, idempotency_window (seconds), priority, "
       "max_length, unique, group, idempotency_key, metadata",
       Access::operate,
       {{{Type::text, {queue, body}}, add}, {{Type::text, {queue, body, {"options", Type::map}}}, add}}},
      {"job.list",
       "Jobs. Filter: queue, states (of scheduled, ready, leased), dead, bodies, limit (100)",
       Access::look,
       {{{Type::array, {}}, list}, {{Type::array, {{"filter", Type::map}}}, list}}},
      {"job.info", "One job, and what happened to it", Access::look, {{{Type::map, {id}}, show}}},
      {"job.cancel",
       "Remove a job, also one that runs; whether it was there",
       Access::operate,
       {{{Type::boolean, {id}}, cancel}}},
  };
}

}  // namespace coworker::api
