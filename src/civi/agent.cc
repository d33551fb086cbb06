#include "civi/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.h"

namespace coworker::civi {
namespace {

namespace json = boost::json;

constexpr const char* kByAgent = R"({"where":[["agent","CONTAINS","server"],["status","=","active"]]})";
constexpr const char* kByRunner = R"({"where":[["runner","IS NOT EMPTY"],["status","=","active"]]})";
constexpr const char* kBackAfter = "+30 seconds";          // what could not be run now is not claimed again at once
constexpr Millis kNoLimit = std::chrono::hours{365 * 24};  // of a task that ends by itself, or with its lease
constexpr Millis kLastWords{2'000};
constexpr PauseRule kFailurePauses{.first = Millis{250}, .longest = Millis{30'000}};

bool has_name(const json::value& rows, std::string_view name) {
  if (!rows.is_array()) return false;
  return std::any_of(rows.as_array().begin(), rows.as_array().end(), [&](const json::value& row) {
    const json::value* own = row.is_object() ? row.as_object().if_contains("name") : nullptr;
    return own != nullptr && own->is_string() && own->as_string() == name;
  });
}

std::int64_t seconds_in(const json::object& row, std::string_view name) {
  const json::value* value = row.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_string()) return std::atoll(value->as_string().c_str());
  return value->is_int64() ? value->as_int64() : 0;
}

Error error_of(const Reply& reply, std::string_view attempted) {
  return Error{reply.code, reply.reason}.wrap(attempted);
}

}  // namespace

Agent::Agent(async::Loop& loop, std::shared_ptr<Connection> control, std::shared_ptr<Connection> work, Options options,
             Observer observer)
    : control_{std::move(control)},
      work_{std::move(work)},
      options_{std::move(options)},
      observer_{std::move(observer)},
      gate_{loop.get_executor()},
      failure_pauses_{kFailurePauses},
      wake_{loop.get_executor()},
      last_gate_{loop.get_executor()},
      over_{loop.get_executor()} {
  options_.poll_shortest = std::min(options_.poll_shortest, options_.poll_longest);
  pause_ = options_.poll_shortest;
  if (options_.poll_query) query_ = *options_.poll_query;
  work_->when_freed([this] { wake_.set(); });
}

Agent::~Agent() {
  work_->when_freed({});
}

void Agent::stop() {
  ++stops_;
  wake_.set();
  const Millis none{0};
  if (stops_ == 1) {
    stop_by_ = Clock::now() + options_.stop_grace;
    last_gate_.spawn("limit the last questions", limit_questions());
  }
  if (stops_ > 1) {
    over_.set();
    gate_.spawn("hasten", hasten(none));
  } else if (draining_) {
    gate_.spawn("hasten", hasten(options_.stop_grace));
  }
}

void Agent::drain() {
  draining_ = true;
  wake_.set();
}

void Agent::hold(bool on) {
  held_ = on;
  wake_.set();
}

/// For what still runs.
async::Task<> Agent::hasten(Millis grace) {
  const std::shared_ptr<Connection> work = work_;
  co_await work->close(grace);
}

/// A site that does not answer must not hold up a stop: questions have as long as tasks, and a little more for what is
/// given back then.
async::Task<> Agent::limit_questions() {
  const Millis none{0};
  co_await over_.wait_for(options_.stop_grace + kLastWords);
  co_await control_->close(none);
}

async::Task<Result<>> Agent::run() {
  if (options_.duration > Millis{0}) end_ = Clock::now() + options_.duration;
  log::info("CiviCRM: starting");
  const Result<> outcome = co_await work_until_stopped();
  if (!draining_) stops_ = std::max(stops_, 1);
  log::info("CiviCRM: stopping");
  const Millis none{0};
  Millis grace = stops_ > 1 ? none : stops_ == 1 ? options_.stop_grace : kNoLimit;
  if (stop_by_) grace = std::clamp(std::chrono::ceil<Millis>(*stop_by_ - Clock::now()), none, grace);
  co_await work_->close(grace);
  co_await gate_.close();
  over_.set();
  co_await last_gate_.close();
  co_await control_->close(none);
  log::info("CiviCRM: stopped");
  co_return outcome;
}

async::Task<Result<>> Agent::work_until_stopped() {
  while (!is_ending()) {
    const Clock::time_point now = Clock::now();
    if (now >= end_) {
      log::info(fmt::format("CiviCRM: its time of {} ms is over", options_.duration.count()));
      co_return Result<>{};
    }
    wake_.reset();
    const bool is_round = now >= next_round_;
    // Asked for only when it is served: its turn is over then.
    Queue* const queue = !is_round && !held_ && work_->free_slots() > 0 ? next_hot() : nullptr;
    if (is_round || queue != nullptr) {
      Result<> done;
      if (is_round) {
        done = co_await round();
      } else {
        done = co_await claim(queue->name);
      }
      if (!done && is_ending()) break;
      if (!done) done = failed(std::move(done.error()));
      if (!done) co_return done;
      continue;
    }
    const Millis left = std::max(std::chrono::ceil<Millis>(std::min(next_round_, end_) - now), Millis{1});
    co_await wake_.wait_for(left);
  }
  co_return Result<>{};
}

/// An error: it was one too many. Else the next round waits.
Result<> Agent::failed(Error error) {
  ++status_.failures;
  if (status_.failures >= options_.failures) {
    return tl::unexpected{
        std::move(error).wrap(fmt::format("CiviCRM: given up after {} failures in a row", status_.failures))};
  }
  const Millis wait = std::max(failure_pauses_.next(), control_->asked_pause());
  log::error(fmt::format("CiviCRM: {}; {} of {} failures in a row, again in {} ms", error.message(), status_.failures,
                         options_.failures, wait.count()));
  for (Queue& queue : queues_) queue.is_hot = false;
  next_round_ = Clock::now() + wait;
  next_read_ = next_round_;
  return {};
}

void Agent::succeeded() {
  claims_fail_ = false;
  status_.failures = 0;
  failure_pauses_.reset();
}

async::Task<Result<>> Agent::connect() {
  Result<Site> site = co_await control_->open();
  if (!site) co_return tl::unexpected{std::move(site.error())};
  if (!connected_) {
    log::info(fmt::format("CiviCRM {} at '{}'", site->version, site->address));
    status_.site = site->address;
  }
  work_->learn(*site);
  if (query_.empty()) {
    Call fields{"Queue", "getFields", json::parse(R"({"select":["name"]})").as_object()};
    const Reply reply = co_await control_->call(std::move(fields));
    if (!reply.ok()) co_return tl::unexpected{error_of(reply, "Queue.getFields")};
    query_ = json::parse(has_name(reply.values, "agent") ? kByAgent : kByRunner).as_object();
  }
  connected_ = true;
  co_return Result<>{};
}

async::Task<Result<>> Agent::round() {
  if (!connected_) {
    Result<> done = co_await connect();
    if (!done) co_return done;
  }
  const Clock::time_point begun = Clock::now();
  if (begun >= next_read_) {
    Result<> done = co_await read_queues();
    if (!done) co_return done;
    next_read_ = begun + options_.poll_longest;
  }
  pause_ = worked_ ? options_.poll_shortest : std::min(pause_ * 2, options_.poll_longest);
  worked_ = false;
  next_round_ = begun + pause_;
  for (Queue& queue : queues_) queue.is_hot = true;
  std::erase_if(status_.left, [&](const Left& left) { return left.until <= begun; });
  co_return Result<>{};
}

async::Task<Result<>> Agent::read_queues() {
  Call question{"Queue", "get", query_};
  const Reply reply = co_await control_->call(std::move(question));
  if (!reply.ok()) co_return tl::unexpected{error_of(reply, "Queue.get")};
  if (!reply.values.is_array()) co_return fail(Errc::invalid_argument, "Queue.get: its answer is no list");
  take_queues(reply.values);
  // Where questions are answered and claims are not, failures go on counting.
  if (!claims_fail_ || queues_.empty()) succeeded();
  if (options_.log_polling) log::debug(fmt::format("CiviCRM: {} queues", queues_.size()));
  co_return Result<>{};
}

void Agent::take_queues(const json::value& rows) {
  std::vector<Queue> queues;
  for (const json::value& row : rows.as_array()) {
    const json::value* name = row.is_object() ? row.as_object().if_contains("name") : nullptr;
    if (name == nullptr || !name->is_string()) continue;
    Queue queue;
    queue.name = name->as_string();
    if (const std::int64_t lease = seconds_in(row.as_object(), "lease_time"); lease > 0) queue.lease = Seconds{lease};
    if (const Queue* known = find(queue.name)) queue.is_hot = known->is_hot;
    queues.push_back(std::move(queue));
  }
  queues_ = std::move(queues);
}

Agent::Queue* Agent::find(const std::string& name) {
  const auto found = std::find_if(queues_.begin(), queues_.end(), [&](const Queue& each) { return each.name == name; });
  return found == queues_.end() ? nullptr : &*found;
}

Agent::Queue* Agent::next_hot() {
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = queues_[(turn_ + i) % queues_.size()];
    if (!queue.is_hot) continue;
    turn_ = (turn_ + i + 1) % queues_.size();
    return &queue;
  }
  return nullptr;
}

async::Task<Result<>> Agent::claim(std::string name) {
  json::object params{{"queue", name}, {"select", {"id", "queue", "run_as"}}};
  Call question{"Queue", "claimItems", std::move(params)};
  const Reply reply = co_await control_->call(std::move(question));
  Queue* const queue = find(name);
  const bool is_heard = reply.ok() || reply.kind == Reply::Kind::refused;
  if (is_heard && claims_fail_) succeeded();
  claims_fail_ = !is_heard;
  if (reply.kind == Reply::Kind::refused) {
    // Of this queue only: it may have been deleted just now.
    log::error(fmt::format("CiviCRM: claim from queue '{}': {}", name, reply.reason));
    if (queue != nullptr) queue->is_hot = false;
    co_return Result<>{};
  }
  if (!reply.ok()) co_return tl::unexpected{error_of(reply, fmt::format("claim from queue '{}'", name))};
  std::vector<Group> groups = split_claim(reply.values, name);
  if (queue != nullptr) queue->is_hot = !groups.empty();
  if (groups.empty()) co_return Result<>{};
  worked_ = true;
  const Millis lease = queue != nullptr ? queue->lease : Queue{}.lease;
  for (Group& group : groups) {
    log::debug(fmt::format("CiviCRM: claimed {} of '{}' for {}", group.ids(), name, context_name(group.identity)));
    gate_.spawn("a task of CiviCRM", run_group(std::move(group), lease));
  }
  co_return Result<>{};
}

async::Task<> Agent::run_group(Group group, Millis lease) {
  const Clock::time_point until = Clock::now() + lease;
  status_.running += group.items.size();
  if (options_.log_waiting && work_->free_slots() == 0) {
    log::debug(fmt::format("CiviCRM: {} of {} waits for a worker", group.ids(), context_name(group.identity)));
  }
  pid_t pid = 0;
  Reply reply;
  if (const Result<> able = work_->check_identity(group.identity); !able) {
    reply = Reply::failed(Reply::Kind::unsent, Errc::denied, able.error().message());
  } else {
    Call call{"Queue", "runItems", json::object{{"items", group.references()}}};
    call.identity = group.identity;
    call.name = fmt::format("{}/{}", group.items.front().queue, id_text(group.items.front().id));
    // Afterwards it may belong to somebody else.
    call.timeout = options_.task_timeout > Millis{0} ? std::min(options_.task_timeout, lease) : lease;
    call.on_start = [this, &group, &pid](pid_t started) {
      pid = started;
      for (const Item& item : group.items) observer_(Event{true, item, ItemOutcome::ok, {}, {}, started});
    };
    call.on_print = [this, &group, &pid](const std::string& text) {
      if (!text.empty()) observer_(Event{false, group.items.front(), ItemOutcome::ok, {}, text, pid});
    };
    reply = co_await work_->call(std::move(call));
  }
  std::vector<ItemOutcome> outcomes(group.items.size(), ItemOutcome::error);
  if (reply.ok()) outcomes = read_outcomes(group, reply.values);
  if (reply.kind == Reply::Kind::lost) outcomes.assign(group.items.size(), ItemOutcome::died);
  if (reply.kind == Reply::Kind::unsent) outcomes.assign(group.items.size(), ItemOutcome::unsent);
  status_.running -= group.items.size();
  tell_end(group, outcomes, reply, pid);
  if (reply.kind == Reply::Kind::lost) leave(group, until);
  Queue* const queue = find(group.items.front().queue);
  if (queue != nullptr && reply.ok()) queue->is_hot = true;
  wake_.set();
  if (reply.kind == Reply::Kind::unsent) {
    std::string when = is_ending() ? "" : kBackAfter;
    co_await give_back(std::move(group), std::move(when));
  }
}

void Agent::tell_end(const Group& group, const std::vector<ItemOutcome>& outcomes, const Reply& reply, pid_t pid) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Item& item = group.items[i];
    ++status_.ended[item.queue][static_cast<std::size_t>(outcomes[i])];
    Event event{false, item, outcomes[i], reply.reason, {}, pid};
    if (reply.certificate && outcomes[i] == ItemOutcome::died) event.certificate = &*reply.certificate;
    if (outcomes[i] == ItemOutcome::error && event.reason.empty()) {
      event.reason = "the answer says nothing of it: " + json::serialize(reply.values).substr(0, 200);
    }
    observer_(event);
  }
}

void Agent::leave(const Group& group, Clock::time_point until) {
  const auto left = std::chrono::ceil<Seconds>(until - Clock::now());
  log::error(fmt::format("CiviCRM: the worker of {} died; {} of '{}' wait for the end of their lease in {} s",
                         context_name(group.identity), group.ids(), group.items.front().queue,
                         std::max(left, decltype(left){0}).count()));
  for (const Item& item : group.items) status_.left.push_back({item.queue, id_text(item.id), until});
}

/// Of items that were claimed and not attempted: the claim is undone, so that no try of theirs is lost. `when` is a
/// time as CiviCRM reads it; empty: now. Where that is not allowed, their lease decides.
async::Task<> Agent::give_back(Group group, std::string when) {
  json::array ids;
  for (const Item& item : group.items) ids.push_back(item.id);
  json::array where;
  where.push_back(json::array{"id", "IN", ids});
  Call question{"QueueItem", "get", json::object{{"select", {"id", "run_count"}}, {"where", where}}};
  const Reply found = co_await control_->call(std::move(question));
  std::string trouble = found.reason;
  if (found.ok() && found.values.is_array()) {
    for (const json::value& row : found.values.as_array()) {
      if (!row.is_object() || row.as_object().if_contains("id") == nullptr) continue;
      const std::int64_t count = seconds_in(row.as_object(), "run_count");
      json::object values{{"run_count", std::max<std::int64_t>(count - 1, 0)}};
      values["release_time"] = when.empty() ? json::value(nullptr) : json::value(when);
      json::array only;
      only.push_back(json::array{"id", "=", row.as_object().at("id")});
      only.push_back(json::array{"run_count", "=", count});
      Call update{"QueueItem", "update", json::object{{"values", std::move(values)}, {"where", std::move(only)}}};
      const Reply updated = co_await control_->call(std::move(update));
      if (!updated.ok()) trouble = updated.reason;
    }
  }
  if (trouble.empty()) {
    log::warning(fmt::format("CiviCRM: {} of '{}' given back", group.ids(), group.items.front().queue));
  } else {
    log::error(fmt::format("CiviCRM: {} of '{}' left to their lease, since they cannot be given back: {}", group.ids(),
                           group.items.front().queue, trouble));
  }
}

}  // namespace coworker::civi
