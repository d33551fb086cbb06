#include <array>
#include <string_view>

#include "net/resp/format.h"
#include "net/resp/format_parts.h"

namespace coworker::net::resp {

using namespace channel::resp;

namespace {

/// Writes the pairs of a flat map, and counts them so that the head can be written first.
class Pairs {
 public:
  void add(std::string_view key, std::string_view value) {
    append_bulk(body_, key);
    append_bulk(body_, value);
    ++count_;
  }
  void add(std::string_view key, std::int64_t value) {
    append_bulk(body_, key);
    append_integer(body_, value);
    ++count_;
  }
  void add(std::string_view key, std::uint64_t value) { add(key, static_cast<std::int64_t>(value)); }
  void add(std::string_view key, const std::optional<Millis>& value) {
    if (value) return add(key, static_cast<std::int64_t>(value->count()));
    append_bulk(body_, key);
    append_null_bulk(body_);
    ++count_;
  }
  void add_id(std::string_view key, const job::JobId& id) {
    append_bulk(body_, key);
    append_id(body_, id);
    ++count_;
  }
  void write(std::string& out) const {
    append_array(out, count_ * 2);
    out.append(body_);
  }

 private:
  std::string body_;
  std::size_t count_ = 0;
};

constexpr std::int64_t number(bool value) {
  return value ? 1 : 0;
}

void append_view(std::string& out, const job::View& view) {
  Pairs pairs;
  pairs.add_id("id", view.id);
  pairs.add("queue", view.queue);
  pairs.add("body", view.body);
  pairs.add("state", job::to_string(view.state));
  pairs.add("priority", std::int64_t{view.priority});
  pairs.add("replicas", std::int64_t{view.replicas});
  pairs.add("created", view.created);
  pairs.add("ttl_left", static_cast<std::int64_t>(view.ttl_left.count()));
  pairs.add("delay", static_cast<std::int64_t>(view.delay.count()));
  pairs.add("retry", static_cast<std::int64_t>(view.retry.count()));
  pairs.add("nacks", std::int64_t{view.nacks});
  pairs.add("additional_deliveries", std::int64_t{view.additional_deliveries});
  pairs.add("attempts", std::int64_t{view.attempts});
  pairs.add("crashes", std::int64_t{view.crashes});
  pairs.add("due_in", view.due_in);
  pairs.add("group", view.group);
  pairs.add("unique_key", view.unique_key);
  pairs.add("origin", view.origin);
  pairs.add("reason", view.reason);
  pairs.write(out);
}

void append_queue(std::string& out, const job::QueueView& queue) {
  Pairs pairs;
  pairs.add("name", queue.name);
  pairs.add("ready", queue.ready);
  pairs.add("scheduled", queue.scheduled);
  pairs.add("leased", queue.leased);
  pairs.add("dead", queue.dead);
  pairs.add("age", static_cast<std::int64_t>(queue.age.count()));
  pairs.add("idle", static_cast<std::int64_t>(queue.idle.count()));
  pairs.add("oldest_ready", queue.oldest_ready);
  pairs.add("blocked", queue.blocked);
  pairs.add("jobs_in", queue.jobs_in);
  pairs.add("jobs_out", queue.jobs_out);
  pairs.add("pause_in", number(queue.pause_in));
  pairs.add("pause_out", number(queue.pause_out));
  pairs.add("weight", std::int64_t{queue.weight});
  pairs.add("limit", std::int64_t{queue.limit});
  pairs.add("group_limit", std::int64_t{queue.group_limit});
  pairs.add("failure_queue", queue.failure_queue);
  pairs.write(out);
}

std::string_view text_of(job::Status status) {
  switch (status) {
    case job::Status::done:
      return "done";
    case job::Status::not_found:
      return "not_found";
    case job::Status::conflict:
      return "conflict";
  }
  return "conflict";
}

}  // namespace

void format_cw_added(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail) {
  const auto& added = expect<job::Added>(answer);
  std::string_view outcome;
  switch (added.outcome) {
    case job::Added::Outcome::created:
      outcome = "created";
      break;
    case job::Added::Outcome::duplicate:
      outcome = "duplicate";
      break;
    case job::Added::Outcome::repeated:
      outcome = "repeated";
      break;
    case job::Added::Outcome::paused:
    case job::Added::Outcome::full:
    case job::Added::Outcome::stale:
      return format_added(out, answer, identity, detail);
  }
  append_array(out, 2);
  append_bulk(out, outcome);
  append_id(out, added.id);
}

void format_cw_claimed(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t detail) {
  const auto& claimed = expect<job::Claimed>(answer);
  if (claimed.jobs.empty()) {
    if ((detail & kLeavingWhenNone) != 0) return append_error(out, "LEAVING this node is leaving; ask another one");
    return append_null_array(out);
  }
  append_array(out, claimed.jobs.size());
  for (const job::Delivery& job : claimed.jobs) {
    append_array(out, 10);
    append_bulk(out, job.queue);
    append_id(out, job.id);
    append_bulk(out, job.body);
    append_bulk_number(out, static_cast<std::uint64_t>(job.token));
    append_integer(out, job.retry.count());
    append_integer(out, job.priority);
    append_integer(out, job.nacks);
    append_integer(out, job.additional_deliveries);
    append_integer(out, job.attempts);
    append_integer(out, job.crashes);
  }
}

void format_cw_statuses(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& statuses = expect<job::Statuses>(answer);
  append_array(out, statuses.each.size());
  for (const job::Status status : statuses.each) append_bulk(out, text_of(status));
}

void format_cw_queue(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto* queue = std::get_if<job::QueueView>(&answer);
  if (queue == nullptr) return append_null_array(out);
  append_queue(out, *queue);
}

void format_cw_queues(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& page = expect<job::QueuePage>(answer);
  append_array(out, 2);
  append_bulk_number(out, page.cursor);
  append_array(out, page.queues.size());
  for (const job::QueueView& queue : page.queues) append_queue(out, queue);
}

void format_cw_jobs(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail) {
  append_array(out, 2);
  append_bulk_number(out, expect<job::Views>(answer).cursor);
  format_cw_peek(out, answer, identity, detail);
}

void format_cw_peek(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& views = expect<job::Views>(answer);
  append_array(out, views.jobs.size());
  for (const job::View& view : views.jobs) append_view(out, view);
}

void format_cw_show(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  if (const auto* view = std::get_if<job::View>(&answer)) return append_view(out, *view);
  append_null_bulk(out);
}

void format_cw_history(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& page = expect<job::HistoryPage>(answer);
  append_array(out, 2);
  append_bulk_number(out, page.cursor);
  append_array(out, page.events.size());
  for (const std::string& event : page.events) append_bulk(out, event);
}

void format_cw_totals(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& totals = expect<job::StoreTotals>(answer);
  Pairs pairs;
  pairs.add("jobs", totals.jobs);
  pairs.add("ready", totals.ready);
  pairs.add("scheduled", totals.scheduled);
  pairs.add("leased", totals.leased);
  pairs.add("queues", totals.queues);
  pairs.add("added", totals.added);
  pairs.add("acked", totals.acked);
  pairs.add("expired", totals.expired);
  pairs.add("buried", totals.buried);
  pairs.add("leases_ended", totals.leases_ended);
  pairs.add("memory", totals.memory);
  pairs.add("disk", totals.disk);
  pairs.add("writable", number(totals.writable));
  pairs.add("trouble", totals.trouble);
  pairs.write(out);
}

}  // namespace coworker::net::resp
