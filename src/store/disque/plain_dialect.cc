#include <fmt/format.h>

#include <array>
#include <utility>

#include "store/disque/dialect.h"
#include "store/disque/each_job.h"
#include "store/disque/reply_fields.h"
#include "store/disque/request_text.h"

namespace coworker::store::disque {
namespace {

using job::Answer;
using Link = std::shared_ptr<Connection>;

constexpr Millis kReplicationLimit{10'000};  // how long an add may wait for other nodes to take copies

// ---- adding -------------------------------------------------------------------------------------

// What of this add only coworker's own stores can do; empty: nothing.
std::string_view beyond_the_protocol(const job::Add& add) {
  if (!add.unique_key.empty()) return "a unique key";
  if (!add.idempotency_key.empty()) return "an idempotency key";
  if (!add.register_name.empty()) return "a register";
  if (!add.group.empty()) return "a group";
  if (add.priority != 0) return "a priority";
  return {};
}

RequestText request_of(const job::Add& add) {
  RequestText request{"ADDJOB"};
  request.word(add.queue).word(add.body).number(kReplicationLimit.count());
  // A job that is delivered at most once has one copy, which a cluster of several nodes wants to hear.
  if (add.retry.count() == 0) request.option("REPLICATE", 1);
  if (add.retry.count() != 0 && add.replicas > 1) request.option("REPLICATE", add.replicas);
  request.option("DELAY", std::chrono::ceil<Seconds>(add.delay).count());
  request.option("RETRY", add.retry.count()).option("TTL", add.ttl.count());
  if (add.max_length != 0) request.word("MAXLEN").unsigned_number(add.max_length);
  return request;
}

Result<Answer> added_of(const Reply& reply) {
  if (reply.is_error()) {
    if (reply.error_code() == "PAUSED") return job::Added{job::Added::Outcome::paused, {}};
    if (reply.error_code() == "MAXLEN") return job::Added{job::Added::Outcome::full, {}};
    return tl::unexpected{error_of(reply)};
  }
  const std::optional<job::JobId> id = job::parse_id(reply.text);
  if (!id) return unexpected_reply("ADDJOB");
  return job::Added{job::Added::Outcome::created, *id};
}

// ---- claiming -----------------------------------------------------------------------------------

RequestText request_of(const job::Claim& claim, Millis wait) {
  RequestText request{"GETJOB"};
  if (wait.count() < 0) request.word("NOHANG");
  if (wait.count() > 0) request.option("TIMEOUT", wait.count());
  request.option("COUNT", claim.count).word("WITHCOUNTERS").word("FROM");
  for (const std::string& queue : claim.queues) request.word(queue);
  return request;
}

bool append_delivery(const Reply& reply, job::Claimed& claimed) {
  if (reply.type != Reply::Type::array || reply.elements.size() < 3) return false;
  const std::optional<job::JobId> id = job::parse_id(reply.elements[1].text);
  if (!id) return false;
  job::Delivery& job = claimed.jobs.emplace_back();
  job.id = *id;
  job.queue = reply.elements[0].text;
  job.body = reply.elements[2].text;
  for (std::size_t i = 3; i + 1 < reply.elements.size(); i += 2) {
    const auto value = static_cast<std::uint16_t>(integer_of(reply.elements[i + 1]).value_or(0));
    if (reply.elements[i].text == "nacks") job.nacks = value;
    if (reply.elements[i].text == "additional-deliveries") job.additional_deliveries = value;
  }
  return true;
}

Result<Answer> claimed_of(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  job::Claimed claimed;
  if (reply.is_null()) return claimed;
  if (reply.type != Reply::Type::array) return unexpected_reply("GETJOB");
  for (const Reply& job : reply.elements) {
    if (!append_delivery(job, claimed)) return unexpected_reply("GETJOB");
  }
  return claimed;
}

// The clock of these servers has been running since the job was queued, and a delivery does not say the job's retry
// time. WORKING does both: it starts the clock again and answers the time.
void start_clocks(const Link& connection, job::Claimed claimed, Store::Done done) {
  const auto jobs = std::make_shared<job::Claimed>(std::move(claimed));
  std::string requests;
  for (const job::Delivery& job : jobs->jobs) requests += RequestText{"WORKING"}.word(to_string(job.id)).take();
  const auto at = std::make_shared<std::size_t>(0);
  connection->send(
      requests,
      [jobs, at, done = std::move(done)](Result<const Reply*> reply) {
        if (reply && !(*reply)->is_error()) jobs->jobs[*at].retry = Seconds{integer_of(**reply).value_or(0)};
        // The claim stands even if the connection is lost now; what cannot be acknowledged comes again.
        if (++*at == jobs->jobs.size()) done(std::move(*jobs));
      },
      jobs->jobs.size());
}

// ---- looking ------------------------------------------------------------------------------------

job::State state_of(std::string_view text) {
  if (text == "queued") return job::State::ready;
  return text == "acked" ? job::State::gone : job::State::scheduled;
}

Result<job::View> view_of_show(const Reply& reply) {
  if (!is_fields(reply)) return unexpected_reply("SHOW");
  const Fields fields{reply};
  const std::optional<job::JobId> id = job::parse_id(fields.text("id"));
  if (!id) return unexpected_reply("SHOW");
  job::View view;
  view.id = *id;
  view.queue = fields.text("queue");
  view.body = fields.text("body");
  view.state = state_of(fields.text("state"));
  view.replicas = static_cast<std::uint16_t>(fields.number("repl"));
  view.created = static_cast<std::uint64_t>(fields.number("ctime"));
  view.ttl_left = Seconds{fields.number("ttl")};
  view.delay = Seconds{fields.number("delay")};
  view.retry = Seconds{fields.number("retry")};
  view.nacks = static_cast<std::uint16_t>(fields.number("nacks"));
  view.additional_deliveries = static_cast<std::uint16_t>(fields.number("additional-deliveries"));
  view.due_in = fields.millis_or_none("next-requeue-within");
  return view;
}

Result<Answer> show_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  if (reply.is_null()) return Answer{};
  Result<job::View> view = view_of_show(reply);
  if (!view) return tl::unexpected{std::move(view.error())};
  return Answer{std::move(*view)};
}

Result<Answer> stat_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  if (reply.is_null()) return Answer{};
  if (!is_fields(reply)) return unexpected_reply("QSTAT");
  const Fields fields{reply};
  job::QueueView view;
  view.name = fields.text("name");
  view.ready = static_cast<std::uint64_t>(fields.number("len"));
  view.age = Seconds{fields.number("age")};
  view.idle = Seconds{fields.number("idle")};
  view.blocked = static_cast<std::uint64_t>(fields.number("blocked"));
  view.jobs_in = static_cast<std::uint64_t>(fields.number("jobs-in"));
  view.jobs_out = static_cast<std::uint64_t>(fields.number("jobs-out"));
  const std::string pause = fields.text("pause");
  view.pause_in = pause == "in" || pause == "all";
  view.pause_out = pause == "out" || pause == "all";
  return view;
}

Result<Answer> peek_answer(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  if (reply.type != Reply::Type::array) return unexpected_reply("QPEEK");
  job::Views views;
  for (const Reply& row : reply.elements) {
    const bool is_job = row.type == Reply::Type::array && row.elements.size() >= 3;
    const std::optional<job::JobId> id = is_job ? job::parse_id(row.elements[1].text) : std::nullopt;
    if (!id) return unexpected_reply("QPEEK");
    job::View& view = views.jobs.emplace_back();
    view.id = *id;
    view.queue = row.elements[0].text;
    view.body = row.elements[2].text;
  }
  return views;
}

Result<Answer> jobs_page(const Reply& reply) {
  if (reply.is_error()) return tl::unexpected{error_of(reply)};
  const std::optional<std::uint64_t> cursor = page_cursor(reply);
  if (!cursor) return unexpected_reply("JSCAN");
  job::Views views;
  views.cursor = *cursor;
  for (const Reply& row : reply.elements[1].elements) {
    Result<job::View> view = view_of_show(row);
    if (!view) return tl::unexpected{std::move(view.error())};
    views.jobs.push_back(std::move(*view));
  }
  return views;
}

RequestText request_of(const job::ScanJobs& scan) {
  RequestText request{"JSCAN"};
  request.unsigned_number(scan.cursor).option("COUNT", scan.count);
  if (scan.queue) request.word("QUEUE").word(*scan.queue);
  for (const job::State state : scan.states)
    request.word("STATE").word(state == job::State::ready ? "queued" : "active");
  return request.word("REPLY").word("all");
}

// The names come first, then one QSTAT each.
void scan_queues(const Link& connection, const job::ScanQueues& scan, Store::Done done) {
  const auto stat_each = [connection, done](const Reply& reply) {
    const std::optional<std::uint64_t> cursor = page_cursor(reply);
    if (!cursor) return done(unexpected_reply("QSCAN"));
    const auto page = std::make_shared<job::QueuePage>();
    page->cursor = *cursor;
    const std::vector<Reply>& names = reply.elements[1].elements;
    if (names.empty()) return done(*page);
    std::string requests;
    for (const Reply& name : names) requests += RequestText{"QSTAT"}.word(name.text).take();
    const auto left = std::make_shared<std::size_t>(names.size());
    connection->send(
        requests,
        [page, left, done](Result<const Reply*> stat) {
          Result<Answer> view = stat ? stat_answer(**stat) : Result<Answer>{Answer{}};
          if (view && std::holds_alternative<job::QueueView>(*view)) {
            page->queues.push_back(std::get<job::QueueView>(std::move(*view)));
          }
          if (--*left == 0) done(std::move(*page));
        },
        names.size());
  };
  connection->send(RequestText{"QSCAN"}.unsigned_number(scan.cursor).option("COUNT", scan.count).take(),
                   [stat_each, done](Result<const Reply*> reply) {
                     if (!reply) return done(tl::unexpected{std::move(reply.error())});
                     if ((*reply)->is_error()) return done(tl::unexpected{error_of(**reply)});
                     stat_each(**reply);
                   });
}

// PAUSE replaces the whole state, so what is not to be changed is asked for first.
void set_queue(const Link& connection, const job::SetQueue& set, Store::Done done) {
  const std::string queue = set.queue;
  const auto apply = [connection, queue, in = set.pause_in, out = set.pause_out, done](Result<const Reply*> reply) {
    if (!reply) return done(tl::unexpected{std::move(reply.error())});
    if ((*reply)->is_error()) return done(tl::unexpected{error_of(**reply)});
    const std::string_view now = (*reply)->text;
    const bool pause_in = in.value_or(now == "in" || now == "all");
    const bool pause_out = out.value_or(now == "out" || now == "all");
    RequestText pause{"PAUSE"};
    pause.word(queue).word(pause_in && pause_out ? "all" : pause_in ? "in" : pause_out ? "out" : "none");
    connection->send(pause.take(), [done, queue, pause_in, pause_out](Result<const Reply*> outcome) {
      if (!outcome) return done(tl::unexpected{std::move(outcome.error())});
      if ((*outcome)->is_error()) return done(tl::unexpected{error_of(**outcome)});
      job::QueueView view;
      view.name = queue;
      view.pause_in = pause_in;
      view.pause_out = pause_out;
      done(std::move(view));
    });
  };
  connection->send(RequestText{"PAUSE"}.word(queue).word("state").take(), apply);
}

// ---- the dialect --------------------------------------------------------------------------------

/// Starts the command that it visits.
struct Start {
  const Link& connection;
  Store::Done& done;

  void refuse(std::string_view what) const {
    done(fail(Errc::invalid_argument, fmt::format("{} is beyond a plain Disque server ({}); it needs a coworker broker",
                                                  what, to_string(connection->address()))));
  }
  void request(const RequestText& text, Result<Answer> (*decode)(const Reply&)) const {
    connection->send(text.take(), [decode, done = std::move(done)](Result<const Reply*> reply) {
      if (!reply) return done(tl::unexpected{std::move(reply.error())});
      done(decode(**reply));
    });
  }

  void operator()(const job::Add& add) const {
    const std::string_view beyond = beyond_the_protocol(add);
    if (!beyond.empty()) return refuse(fmt::format("a job with {}", beyond));
    request(request_of(add), added_of);
  }
  void operator()(const job::Claim& claim) const {
    plain_dialect().claim(connection, claim, Millis{-1}, std::move(done));
  }
  void operator()(const job::CancelClaim&) const { refuse("cancelling a claim"); }
  void operator()(const job::Ack& ack) const { start_each_ack(connection, ack, std::move(done)); }
  void operator()(const job::Retry& retry) const {
    std::vector<job::JobId> jobs;
    for (const job::Retry::Item& item : retry.items) {
      if (item.delay.count() > 0) return refuse("a retry with a delay");
      jobs.push_back(item.job.id);
    }
    start_each_nack(connection, jobs, std::move(done));
  }
  void operator()(const job::Release& release) const {
    std::vector<job::JobId> jobs;
    for (const job::JobRef& ref : release.jobs) jobs.push_back(ref.id);
    start_each_nack(connection, jobs, std::move(done));
  }
  void operator()(const job::Bury&) const { refuse("burying a job"); }
  void operator()(const job::Disown&) const { refuse("giving back what somebody holds"); }
  void operator()(const job::MoveDead&) const { refuse("moving dead jobs"); }
  void operator()(const job::ForgetRegisters&) const { refuse("forgetting registers"); }
  void operator()(const job::Extend& extend) const { start_each_working(connection, extend, std::move(done)); }
  void operator()(const job::Enqueue& enqueue) const {
    if (enqueue.nack && enqueue.delay.count() > 0) return refuse("a NACK with a delay");
    start_each(connection, enqueue, std::move(done));
  }
  void operator()(const job::Dequeue& dequeue) const { start_each(connection, dequeue, std::move(done)); }
  void operator()(const job::Remove& remove) const { start_each(connection, remove, std::move(done)); }
  void operator()(const job::Working& working) const { start_working(connection, working, std::move(done)); }
  void operator()(const job::SetQueue& set) const {
    if (set.weight || set.limit || set.group_limit || set.failure_queue) return refuse("a queue's weight or limit");
    set_queue(connection, set, std::move(done));
  }
  void operator()(const job::Purge&) const { refuse("purging a queue"); }
  void operator()(const job::Show& show) const { request(RequestText{"SHOW"}.word(to_string(show.id)), show_answer); }
  void operator()(const job::QueueStat& stat) const { request(RequestText{"QSTAT"}.word(stat.queue), stat_answer); }
  void operator()(const job::Peek& peek) const {
    request(RequestText{"QPEEK"}.word(peek.queue).number(peek.count), peek_answer);
  }
  void operator()(const job::ScanQueues& scan) const { scan_queues(connection, scan, std::move(done)); }
  void operator()(const job::ScanJobs& scan) const {
    if (scan.dead) return refuse("listing buried jobs");
    request(request_of(scan), jobs_page);
  }
  void operator()(const job::Totals&) const { refuse("asking for the totals of the store"); }
  void operator()(const job::Held&) const { refuse("asking whether claims hold"); }
  void operator()(const job::Record&) const { refuse("keeping a history"); }
  void operator()(const job::History&) const { refuse("keeping a history"); }
};

class PlainDialect final : public Dialect {
 public:
  void apply(const Link& connection, const job::Command& command, Store::Done done) const override {
    std::visit(Start{connection, done}, command);
  }

  void claim(const Link& connection, const job::Claim& claim, Millis wait, Store::Done done) const override {
    if (claim.owner != 0) return done(fail(Errc::invalid_argument, "this server does not know owners of claims"));
    connection->send(request_of(claim, wait).take(), [connection, done = std::move(done)](Result<const Reply*> reply) {
      if (!reply) return done(tl::unexpected{std::move(reply.error())});
      Result<Answer> claimed = claimed_of(**reply);
      if (!claimed || std::get<job::Claimed>(*claimed).jobs.empty()) return done(std::move(claimed));
      start_clocks(connection, std::get<job::Claimed>(std::move(*claimed)), done);
    });
  }
};

}  // namespace

const Dialect& plain_dialect() {
  static const PlainDialect dialect;
  return dialect;
}

}  // namespace coworker::store::disque
