#include "app/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "job/envelope.h"
#include "job/json_text.h"

namespace coworker::app {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

boost::json::value milliseconds(const std::optional<Millis>& duration) {
  if (!duration) return nullptr;
  return duration->count();
}

// JSON text that stays as it is where it can be read; a body that is no JSON is shown as a text.
boost::json::value as_value(std::string_view text) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error) return json_text(text);
  return value;
}

}  // namespace

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

void print_json(const boost::json::value& value) {
  print_line(boost::json::serialize(value));
}

std::string printable(std::string_view bytes) {
  const boost::json::string text = json_text(bytes);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

boost::json::string json_text(std::string_view bytes) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(job::json_string(bytes), error);
  return error ? boost::json::string{} : value.as_string();
}

std::string table(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < heading.size(); ++column) {
    std::size_t width = heading[column].size();
    for (const auto& row : rows) width = std::max(width, row[column].size());
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t column = 0; column < row.size(); ++column) {
      if (column > 0) text += "  ";
      const bool is_right = !rows.empty() && is_number(rows.front()[column]);
      text += is_right ? fmt::format("{:>{}}", row[column], widths[column])
                       : fmt::format("{:<{}}", row[column], widths[column]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(heading);
  for (const auto& row : rows) line(row);
  return out;
}

std::string age_of(const job::View& job) {
  const std::int64_t created = static_cast<std::int64_t>(job.created / 1'000'000);
  return short_duration(Millis{std::max<std::int64_t>(wall_millis() - created, 0)});
}

std::string short_duration(Millis duration) {
  const double seconds = static_cast<double>(duration.count()) / 1000;
  if (seconds < 1) return fmt::format("{} ms", duration.count());
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.3g} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{:.3g} h", seconds / 3600);
  return fmt::format("{:.4g} d", seconds / 86'400);
}

boost::json::object to_json(const job::QueueView& queue) {
  return {{"name", json_text(queue.name)},
          {"ready", queue.ready},
          {"scheduled", queue.scheduled},
          {"leased", queue.leased},
          {"dead", queue.dead},
          {"oldest_ready_ms", milliseconds(queue.oldest_ready)},
          {"age_s", queue.age.count()},
          {"idle_s", queue.idle.count()},
          {"blocked", queue.blocked},
          {"jobs_in", queue.jobs_in},
          {"jobs_out", queue.jobs_out},
          {"pause_in", queue.pause_in},
          {"pause_out", queue.pause_out},
          {"weight", queue.weight},
          {"limit", queue.limit},
          {"group_limit", queue.group_limit},
          {"failure_queue", json_text(queue.failure_queue)}};
}

boost::json::object to_json(const job::View& job) {
  boost::json::object object{{"id", to_string(job.id)},
                             {"queue", json_text(job.queue)},
                             {"state", to_string(job.state)},
                             {"priority", job.priority},
                             {"created_ms", job.created / 1'000'000},
                             {"ttl_left_s", job.ttl_left.count()},
                             {"delay_ms", milliseconds(job.delay)},
                             {"due_in_ms", milliseconds(job.due_in)},
                             {"retry_s", job.retry.count()},
                             {"attempts", job.attempts},
                             {"crashes", job.crashes},
                             {"nacks", job.nacks},
                             {"additional_deliveries", job.additional_deliveries},
                             {"group", json_text(job.group)},
                             {"unique", json_text(job.unique_key)},
                             {"origin", json_text(job.origin)},
                             {"reason", json_text(job.reason)}};
  if (job.body.empty()) return object;
  const Result<job::Envelope> envelope = job::parse_envelope(job.body);
  object["body"] = as_value(envelope ? envelope->body : job.body);
  if (envelope) object["metadata"] = as_value(envelope->metadata);
  return object;
}

boost::json::object to_json(const job::StoreTotals& totals) {
  return {{"jobs", totals.jobs},           {"ready", totals.ready},
          {"scheduled", totals.scheduled}, {"leased", totals.leased},
          {"queues", totals.queues},       {"added", totals.added},
          {"acked", totals.acked},         {"expired", totals.expired},
          {"buried", totals.buried},       {"leases_ended", totals.leases_ended},
          {"memory_bytes", totals.memory}, {"disk_bytes", totals.disk},
          {"writable", totals.writable},   {"trouble", json_text(totals.trouble)}};
}

}  // namespace coworker::app
