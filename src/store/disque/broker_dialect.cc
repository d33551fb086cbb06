#include <fmt/format.h>

#include <array>
#include <utility>

#include "store/disque/dialect.h"
#include "store/disque/each_job.h"
#include "store/disque/reply_fields.h"
#include "store/disque/request_text.h"

namespace coworker::store::disque {
namespace {

using job::Added;
using job::Answer;
using Decode = Result<Answer> (*)(const Reply&);

std::string_view yes_or_no(bool flag) {
  return flag ? "yes" : "no";
}

void send(const std::shared_ptr<Connection>& connection, const RequestText& request, Decode decode, Store::Done done) {
  connection->send(request.take(), [decode, done = std::move(done)](Result<const Reply*> reply) {
    if (!reply) return done(tl::unexpected{std::move(reply.error())});
    done(decode(**reply));
  });
}

// ---- requests -----------------------------------------------------------------------------------

RequestText request_of(const job::Add& add) {
  RequestText request{"CW.ADD"};
  request.word(add.queue).word(add.body);
  if (add.delay.count() > 0) request.option("DELAY", add.delay.count());
  request.option("RETRY", add.retry.count()).option("TTL", add.ttl.count());
  if (add.priority != 0) request.option("PRIORITY", add.priority);
  if (!add.unique_key.empty()) request.word("UNIQUE").word(add.unique_key);
  if (!add.group.empty()) request.word("GROUP").word(add.group);
  if (!add.idempotency_key.empty()) {
    request.word("IDEMPOTENCY").word(add.idempotency_key).number(add.idempotency_window.count());
  }
  if (!add.register_name.empty()) {
    request.word("REGISTER").word(add.register_name).unsigned_number(add.register_value);
  }
  if (add.max_length != 0) request.word("MAXLEN").unsigned_number(add.max_length);
  if (add.bury_on_expiry) request.word("BURY");
  return request;
}

RequestText request_of(const job::Claim& claim, Millis wait) {
  RequestText request{claim.owner == 0 ? "CW.CLAIM" : "CW.CLAIMFOR"};
  if (claim.owner != 0) request.unsigned_number(claim.owner);
  request.number(claim.count).number(wait.count()).number(claim.lease.count());
  for (const std::string& queue : claim.queues) request.word(queue);
  return request;
}

void append(RequestText& request, const job::JobRef& job) {
  request.word(to_string(job.id)).unsigned_number(static_cast<std::uint64_t>(job.token));
}

template <class Items>
void append_failures(RequestText& request, const Items& items) {
  for (const auto& item : items) {
    append(request, item.job);
    if constexpr (requires { item.delay; }) request.number(item.delay.count());
    request.word(item.crashed ? "crashed" : "failed").word(item.reason);
  }
}

RequestText request_of(const job::SetQueue& set) {
  RequestText request{"CW.QUEUE"};
  request.word(set.queue);
  if (set.pause_in) request.word("PAUSEIN").word(yes_or_no(*set.pause_in));
  if (set.pause_out) request.word("PAUSEOUT").word(yes_or_no(*set.pause_out));
  if (set.weight) request.option("WEIGHT", *set.weight);
  if (set.limit) request.option("LIMIT", *set.limit);
  if (set.group_limit) request.option("GROUPLIMIT", *set.group_limit);
  if (set.failure_queue) request.word("FAILUREQUEUE").word(*set.failure_queue);
  return request;
}

RequestText request_of(const job::ScanJobs& scan) {
  RequestText request{"CW.JOBS"};
  request.unsigned_number(scan.cursor).number(scan.count);
  if (scan.queue) request.word("QUEUE").word(*scan.queue);
  for (const job::State state : scan.states) request.word("STATE").word(to_string(state));
  if (scan.dead) request.word("DEAD");
  if (scan.bodies) request.word("BODIES");
  return request;
}

// ---- replies ------------------------------------------------------------------------------------

Result<Answer> added_of(const Reply& reply) {
  if (reply.is_error()) {
    const std::string_view code = reply.error_code();
    if (code == "PAUSED") return Added{Added::Outcome::paused, {}};
    if (code == "MAXLEN") return Added{Added::Outcome::full, {}};
    if (code == "STALE") return Added{Added::Outcome::stale, {}};
    return tl::unexpected{error_of(reply)};
  }
  constexpr std::array kOutcomes{std::pair{std::string_view{"created"}, Added::Outcome::created},
                                 std::pair{std::string_view{"duplicate"}, Added::Outcome::duplicate},
                                 std::pair{std::string_view{"repeated"}, Added::Outcome::repeated}};
  if (reply.type == Reply::Type::array && reply.elements.size() == 2) {
    const std::optional<job::JobId> id = job::parse_id(reply.elements[1].text);
    for (const auto& [name, outcome] : kOutcomes) {
      if (id && reply.elements[0].text == name) return Added{outcome, *id};
    }
  }
  return unexpected_reply("CW.ADD");
}

bool append_delivery(const Reply& reply, job::Claimed& claimed) {
  if (reply.type != Reply::Type::array || reply.elements.size() != 10) return false;
  const std::vector<Reply>& fields = reply.elements;
  const std::optional<job::JobId> id = job::parse_id(fields[1].text);
  const std::optional<std::uint64_t> token = unsigned_of(fields[3]);
  if (!id || !token || !fields[0].is_text() || !fields[2].is_text()) return false;
  std::array<std::int64_t, 6> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::optional<std::int64_t> number = integer_of(fields[4 + i]);
    if (!number) return false;
    numbers[i] = *number;
  }
  job::Delivery& job = claimed.jobs.emplace_back();
  job.id = *id;
  job.token = job::Token{*token};
  job.queue = fields[0].text;
  job.body = fields[2].text;
  job.retry = Seconds{numbers[0]};
  job.priority = static_cast<std::int8_t>(numbers[1]);
  job.nacks = static_cast<std::uint16_t>(numbers[2]);
  job.additional_deliveries = static_cast<std::uint16_t>(numbers[3]);
  job.attempts = static_cast<std::uint16_t>(numbers[4]);
  job.crashes = static_cast<std::uint16_t>(numbers[5]);
  return true;
}

Result<Answer> claimed_of(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  job::Claimed claimed;
  if (reply.is_null()) return claimed;
  if (reply.type != Reply::Type::array) return unexpected_reply("CW.CLAIM");
  for (const Reply& job : reply.elements) {
    if (!append_delivery(job, claimed)) return unexpected_reply("CW.CLAIM");
  }
  return claimed;
}

Result<Answer> statuses_of(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  if (reply.type != Reply::Type::array) return unexpected_reply("a command for several jobs");
  job::Statuses statuses;
  for (const Reply& status : reply.elements) {
    if (status.text == "done") {
      statuses.each.push_back(job::Status::done);
    } else if (status.text == "not_found") {
      statuses.each.push_back(job::Status::not_found);
    } else if (status.text == "conflict") {
      statuses.each.push_back(job::Status::conflict);
    } else {
      return unexpected_reply("a command for several jobs");
    }
  }
  return statuses;
}

template <class T>
Result<Answer> as_answer(Result<T> value) {
  if (!value) return tl::unexpected{std::move(value.error())};
  return Answer{std::move(*value)};
}

Result<Answer> view_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  if (reply.is_null()) return Answer{};
  return as_answer(view_of(reply));
}

Result<Answer> queue_view_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  if (reply.is_null()) return Answer{};
  return as_answer(queue_view_of(reply));
}

Result<Answer> views_of(const std::vector<Reply>& elements, std::uint64_t cursor) {
  job::Views views;
  views.cursor = cursor;
  for (const Reply& element : elements) {
    Result<job::View> view = view_of(element);
    if (!view) return tl::unexpected{std::move(view.error())};
    views.jobs.push_back(std::move(*view));
  }
  return views;
}

Result<Answer> peek_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  if (reply.type != Reply::Type::array) return unexpected_reply("CW.PEEK");
  return views_of(reply.elements, 0);
}

Result<Answer> jobs_page(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  const std::optional<std::uint64_t> cursor = page_cursor(reply);
  if (!cursor) return unexpected_reply("CW.JOBS");
  return views_of(reply.elements[1].elements, *cursor);
}

Result<Answer> queues_page(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  const std::optional<std::uint64_t> cursor = page_cursor(reply);
  if (!cursor) return unexpected_reply("CW.QUEUES");
  job::QueuePage page;
  page.cursor = *cursor;
  for (const Reply& element : reply.elements[1].elements) {
    Result<job::QueueView> view = queue_view_of(element);
    if (!view) return tl::unexpected{std::move(view.error())};
    page.queues.push_back(std::move(*view));
  }
  return page;
}

Result<Answer> history_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  const std::optional<std::uint64_t> cursor = page_cursor(reply);
  if (!cursor) return unexpected_reply("CW.HISTORY");
  job::HistoryPage page;
  page.cursor = *cursor;
  for (const Reply& event : reply.elements[1].elements) {
    if (!event.is_text()) return unexpected_reply("CW.HISTORY");
    page.events.emplace_back(event.text);
  }
  return page;
}

Result<Answer> count_of(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  const std::optional<std::uint64_t> count = unsigned_of(reply);
  if (!count) return unexpected_reply("a command that counts");
  return job::Count{*count};
}

Result<Answer> totals_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  return as_answer(totals_of(reply));
}

// ---- the dialect --------------------------------------------------------------------------------

/// Starts the command that it visits.
struct Start {
  const std::shared_ptr<Connection>& connection;
  Store::Done& done;

  void request(const RequestText& text, Decode decode) const { send(connection, text, decode, std::move(done)); }
  void refuse(std::string_view what) const {
    done(fail(Errc::invalid_argument, fmt::format("{} cannot be asked of a broker over its socket", what)));
  }

  void operator()(const job::Add& add) const { request(request_of(add), added_of); }
  void operator()(const job::Claim& claim) const { request(request_of(claim, Millis{-1}), claimed_of); }
  void operator()(const job::CancelClaim&) const { refuse("cancelling a claim"); }
  void operator()(const job::Ack& ack) const { jobs(RequestText{"CW.ACK"}, ack.jobs); }
  void operator()(const job::Release& release) const { jobs(RequestText{"CW.RELEASE"}, release.jobs); }
  void operator()(const job::Disown& disown) const {
    RequestText text{"CW.DISOWN"};
    text.unsigned_number(disown.owner);
    for (const job::JobRef& ref : disown.spared) append(text, ref);
    request(text, count_of);
  }
  void operator()(const job::MoveDead& move) const {
    RequestText text{move.revive ? "CW.REVIVE" : "CW.MOVE"};
    text.word(move.queue);
    for (const job::MoveDead::Item& item : move.items) text.word(to_string(item.id)).number(item.ttl.count());
    move.items.empty() ? done(job::Statuses{}) : request(text, statuses_of);
  }
  void operator()(const job::ForgetRegisters& forget) const {
    request(RequestText{"CW.FORGET"}.word(forget.prefix).unsigned_number(forget.below), count_of);
  }
  void operator()(const job::Extend& extend) const {
    RequestText text{"CW.EXTEND"};
    text.number(extend.lease.count());
    jobs(std::move(text), extend.jobs);
  }
  void operator()(const job::Retry& retry) const {
    RequestText text{"CW.RETRY"};
    append_failures(text, retry.items);
    retry.items.empty() ? done(job::Statuses{}) : request(text, statuses_of);
  }
  void operator()(const job::Bury& bury) const {
    if (bury.ttl != job::Bury{}.ttl) return refuse("burying for another time than the usual");
    RequestText text{"CW.BURY"};
    text.word(bury.failure_queue);
    append_failures(text, bury.items);
    bury.items.empty() ? done(job::Statuses{}) : request(text, statuses_of);
  }
  void operator()(const job::Enqueue& enqueue) const { start_each(connection, enqueue, std::move(done)); }
  void operator()(const job::Dequeue& dequeue) const { start_each(connection, dequeue, std::move(done)); }
  void operator()(const job::Remove& remove) const { start_each(connection, remove, std::move(done)); }
  void operator()(const job::Working& working) const { start_working(connection, working, std::move(done)); }
  void operator()(const job::SetQueue& set) const { request(request_of(set), queue_view_answer); }
  void operator()(const job::Purge& purge) const {
    if (purge.all) return refuse("purging all queues at once");
    request(RequestText{"CW.PURGE"}.word(purge.queue), count_of);
  }
  void operator()(const job::Show& show) const {
    request(RequestText{"CW.SHOW"}.word(to_string(show.id)), view_answer);
  }
  void operator()(const job::QueueStat& stat) const {
    request(RequestText{"CW.QUEUE"}.word(stat.queue), queue_view_answer);
  }
  void operator()(const job::Peek& peek) const {
    request(RequestText{"CW.PEEK"}.word(peek.queue).number(peek.count), peek_answer);
  }
  void operator()(const job::ScanQueues& scan) const {
    request(RequestText{"CW.QUEUES"}.unsigned_number(scan.cursor).number(scan.count), queues_page);
  }
  void operator()(const job::ScanJobs& scan) const { request(request_of(scan), jobs_page); }
  void operator()(const job::Totals&) const { request(RequestText{"CW.STAT"}, totals_answer); }
  void operator()(const job::Held& held) const { jobs(RequestText{"CW.HELD"}, held.jobs); }
  void operator()(const job::Record& record) const {
    if (record.items.empty()) return done(job::Count{});
    RequestText text{"CW.RECORD"};
    for (const job::Record::Item& item : record.items) text.word(to_string(item.id)).word(item.event);
    request(text, count_of);
  }
  void operator()(const job::History& history) const {
    request(RequestText{"CW.HISTORY"}.word(to_string(history.id)).unsigned_number(history.after).number(history.count),
            history_answer);
  }

  void jobs(RequestText text, const std::vector<job::JobRef>& refs) const {
    if (refs.empty()) return done(job::Statuses{});
    for (const job::JobRef& ref : refs) append(text, ref);
    request(text, statuses_of);
  }
};

class BrokerDialect final : public Dialect {
 public:
  void apply(const std::shared_ptr<Connection>& connection, const job::Command& command,
             Store::Done done) const override {
    std::visit(Start{connection, done}, command);
  }

  void claim(const std::shared_ptr<Connection>& connection, const job::Claim& claim, Millis wait,
             Store::Done done) const override {
    send(connection, request_of(claim, wait), claimed_of, std::move(done));
  }
};

}  // namespace

const Dialect& broker_dialect() {
  static const BrokerDialect dialect;
  return dialect;
}

}  // namespace coworker::store::disque
