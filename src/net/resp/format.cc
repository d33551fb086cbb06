#include "net/resp/format.h"

#include <array>
#include <string_view>

#include "net/resp/format_parts.h"

namespace coworker::net::resp {

using namespace channel::resp;

namespace {

void append_id_simple(std::string& out, const job::JobId& id) {
  std::array<char, 40> text;
  job::write_id(id, text.data());
  out.push_back('+');
  out.append(text.data(), text.size()).append("\r\n");
}

std::string_view disque_state(job::State state) {
  return state == job::State::ready ? "queued" : "active";
}

std::string_view pause_text(const job::QueueView& queue) {
  if (queue.pause_in) return queue.pause_out ? "all" : "in";
  return queue.pause_out ? "out" : "none";
}

void append_pair(std::string& out, std::string_view key, std::uint64_t value) {
  append_bulk(out, key);
  append_integer(out, static_cast<std::int64_t>(value));
}

void append_pair(std::string& out, std::string_view key, std::string_view value) {
  append_bulk(out, key);
  append_bulk(out, value);
}

void append_due(std::string& out, std::string_view key, const job::View& view) {
  append_bulk(out, key);
  if (view.due_in) {
    append_integer(out, view.due_in->count());
  } else {
    append_null_bulk(out);
  }
}

}  // namespace

void format_added(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& added = expect<job::Added>(answer);
  switch (added.outcome) {
    case job::Added::Outcome::created:
    case job::Added::Outcome::duplicate:
    case job::Added::Outcome::repeated:
      return append_id_simple(out, added.id);
    case job::Added::Outcome::paused:
      return append_error(out, "PAUSED the queue takes no jobs");
    case job::Added::Outcome::full:
      return append_error(out, "MAXLEN the queue holds that many jobs");
    case job::Added::Outcome::stale:
      return append_error(out, "STALE the register holds that value or a greater one");
  }
}

void format_claimed(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t detail) {
  const auto& claimed = expect<job::Claimed>(answer);
  if (claimed.jobs.empty()) {
    if ((detail & kLeavingWhenNone) != 0) return append_error(out, "LEAVING this node is leaving; ask another one");
    return append_null_array(out);
  }
  append_array(out, claimed.jobs.size());
  for (const job::Delivery& job : claimed.jobs) {
    append_array(out, (detail & kWithCounters) != 0 ? 7 : 3);
    append_bulk(out, job.queue);
    append_id(out, job.id);
    append_bulk(out, job.body);
    if ((detail & kWithCounters) == 0) continue;
    append_pair(out, "nacks", job.nacks);
    append_pair(out, "additional-deliveries", job.additional_deliveries);
  }
}

void format_count(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  if (const auto* count = std::get_if<job::Count>(&answer)) {
    return append_integer(out, static_cast<std::int64_t>(count->count));
  }
  append_integer(out, expect<job::Statuses>(answer).done());
}

void format_worked(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& worked = expect<job::Worked>(answer);
  switch (worked.outcome) {
    case job::Worked::Outcome::postponed:
      return append_integer(out, worked.retry.count());
    case job::Worked::Outcome::not_found:
      return append_error(out, "NOJOB this node does not hold the job");
    case job::Worked::Outcome::too_late:
      return append_error(out, "TOOLATE half of the job's life has passed");
  }
}

void append_show(std::string& out, const job::View& view, const Identity& identity) {
  append_array(out, 30);
  append_bulk(out, "id");
  append_id(out, view.id);
  append_pair(out, "queue", view.queue);
  append_pair(out, "state", disque_state(view.state));
  append_pair(out, "repl", view.replicas);
  append_pair(out, "ttl", static_cast<std::uint64_t>(view.ttl_left.count() > 0 ? view.ttl_left.count() : 0));
  append_pair(out, "ctime", view.created);
  append_pair(out, "delay", static_cast<std::uint64_t>(view.delay.count() / 1000));
  append_pair(out, "retry", static_cast<std::uint64_t>(view.retry.count()));
  append_pair(out, "nacks", view.nacks);
  append_pair(out, "additional-deliveries", view.additional_deliveries);
  append_bulk(out, "nodes-delivered");
  append_array(out, 1);
  append_bulk(out, identity.node);
  append_bulk(out, "nodes-confirmed");
  append_array(out, 0);
  append_due(out, "next-requeue-within", view);
  append_due(out, "next-awake-within", view);
  append_pair(out, "body", view.body);
}

void format_show(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t) {
  if (const auto* view = std::get_if<job::View>(&answer)) return append_show(out, *view, identity);
  append_null_bulk(out);
}

void format_queue_length(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto* queue = std::get_if<job::QueueView>(&answer);
  append_integer(out, queue == nullptr ? 0 : static_cast<std::int64_t>(queue->ready));
}

void format_queue_stat(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto* queue = std::get_if<job::QueueView>(&answer);
  if (queue == nullptr) return append_null_array(out);
  append_array(out, 20);
  append_pair(out, "name", queue->name);
  append_pair(out, "len", queue->ready);
  append_pair(out, "age", static_cast<std::uint64_t>(queue->age.count()));
  append_pair(out, "idle", static_cast<std::uint64_t>(queue->idle.count()));
  append_pair(out, "blocked", queue->blocked);
  append_bulk(out, "import-from");
  append_array(out, 0);
  append_pair(out, "import-rate", std::uint64_t{0});
  append_pair(out, "jobs-in", queue->jobs_in);
  append_pair(out, "jobs-out", queue->jobs_out);
  append_pair(out, "pause", pause_text(*queue));
}

void format_queue_pause(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto* queue = std::get_if<job::QueueView>(&answer);
  append_simple(out, queue == nullptr ? "none" : pause_text(*queue));
}

void format_peek(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& views = expect<job::Views>(answer);
  append_array(out, views.jobs.size());
  for (const job::View& view : views.jobs) {
    append_array(out, 3);
    append_bulk(out, view.queue);
    append_id(out, view.id);
    append_bulk(out, view.body);
  }
}

void format_job_scan(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail) {
  const auto& views = expect<job::Views>(answer);
  append_array(out, 2);
  append_bulk_number(out, views.cursor);
  append_array(out, views.jobs.size());
  for (const job::View& view : views.jobs) {
    if ((detail & kScanShow) != 0) {
      append_show(out, view, identity);
    } else {
      append_id_simple(out, view.id);
    }
  }
}

void format_ok(std::string& out, const job::Answer&, const Identity&, std::uint32_t) {
  append_simple(out, "OK");
}

void format_ping(std::string& out, const job::Answer& answer, const Identity&, std::uint32_t) {
  const auto& totals = expect<job::StoreTotals>(answer);
  if (totals.writable) return append_simple(out, "PONG");
  append_error(out, "MISCONF the store takes no jobs: " + totals.trouble);
}

}  // namespace coworker::net::resp
