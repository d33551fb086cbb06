#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <ctime>
#include <thread>

#include "app/command_list.h"
#include "app/output.h"
#include "app/store_session.h"
#include "base/time.h"
#include "job/envelope.h"
#include "service/civi_tasks.h"

namespace coworker::app {
namespace {

namespace json = boost::json;

constexpr Millis kGlance{200};  // between two looks of --follow

void print_job(const job::View& job) {
  const auto line = [](std::string_view name, const std::string& value) {
    if (!value.empty()) print_line(fmt::format("{:<12}{}", name, value));
  };
  line("id", to_string(job.id));
  line("queue", printable(job.queue));
  line("state", job.origin.empty() ? std::string{to_string(job.state)} : "dead, from queue " + printable(job.origin));
  line("age", age_of(job));
  line("due in", job.due_in ? short_duration(*job.due_in) : "");
  line("ttl left", short_duration(job.ttl_left));
  line("retry", job.retry.count() == 0 ? "never" : "after " + short_duration(job.retry));
  line("priority", std::to_string(job.priority));
  line("attempts", fmt::format("{} failed, {} of them crashed", job.attempts, job.crashes));
  line("nacks", fmt::format("{}, {} additional deliveries", job.nacks, job.additional_deliveries));
  line("group", printable(job.group));
  line("unique", printable(job.unique_key));
  line("failure", printable(job.reason));
  const Result<job::Envelope> envelope = job::parse_envelope(job.body);
  line("body", printable(envelope ? envelope->body : job.body));
  line("metadata", envelope ? printable(envelope->metadata) : "");
}

std::string text_of(const json::value& value) {
  return value.is_string() ? printable(value.as_string()) : json::serialize(value);
}

std::string clock_text(const json::value* ms) {
  if (ms == nullptr || !ms->is_int64()) return std::string(23, ' ');
  const std::time_t seconds = ms->as_int64() / 1000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}", local, ms->as_int64() % 1000);
}

/// What the event says beside its time and its name, on one line.
std::string summary_of(const json::object& event) {
  std::string line;
  const auto add = [&line](std::string_view separator, const std::string& text) {
    if (!line.empty() && !text.empty()) line += separator;
    line += text;
  };
  if (const json::value* attempt = event.if_contains("attempt")) add(", ", "attempt " + text_of(*attempt));
  if (const json::value* pid = event.if_contains("pid")) add(", ", "pid " + text_of(*pid));
  if (const json::value* part = event.if_contains("progress"); part != nullptr && part->is_number()) {
    add(", ", fmt::format("{:.0f} %", part->to_number<double>() * 100));
  }
  for (const char* name : {"reason", "text"}) {
    if (const json::value* said = event.if_contains(name)) add(": ", text_of(*said));
  }
  return line;
}

/// A certificate: its facts on one line, then what the worker wrote to standard error.
void print_certificate(const json::object& certificate) {
  std::string facts;
  for (const auto& [name, value] : certificate) {
    if (name != "stderr")
      facts += fmt::format("{}{} {}", facts.empty() ? "" : ", ", std::string_view{name}, text_of(value));
  }
  print_line("    " + facts);
  const json::value* errors = certificate.if_contains("stderr");
  if (errors == nullptr || !errors->is_string()) return;
  std::string_view rest = errors->as_string();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    print_line("    | " + printable(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void print_event(const std::string& text) {
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error);
  if (error || !parsed.is_object()) return;
  const json::object& event = parsed.as_object();
  const json::value* name = event.if_contains("event");
  std::string line = fmt::format("{}  {:<10} {}", clock_text(event.if_contains("time")), name ? text_of(*name) : "",
                                 summary_of(event));
  line.erase(line.find_last_not_of(' ') + 1);
  print_line(line);
  const json::value* certificate = event.if_contains("certificate");
  if (certificate != nullptr && certificate->is_object()) print_certificate(certificate->as_object());
}

/// A job, and what happened to it, as far as the store still knows.
class JobReader {
 public:
  JobReader(StoreSession& session, const job::JobId& id) : session_{session}, id_{id} {}

  /// nullopt: the store has no such job (any more).
  Result<std::optional<job::View>> job() {
    Result<job::View> job = session_.ask_for<job::View>(job::Show{id_});
    if (job) return std::optional{std::move(*job)};
    if (job.error().code() == Errc::not_found) return std::optional<job::View>{};
    return tl::unexpected{std::move(job.error())};
  }

  /// Those since the last call.
  Result<std::vector<std::string>> events() {
    std::vector<std::string> all;
    if (!session_.store().capabilities().history) return all;
    for (;;) {
      Result<job::HistoryPage> page = session_.ask_for<job::HistoryPage>(job::History{.id = id_, .after = cursor_});
      if (!page) return tl::unexpected{std::move(page.error())};
      if (page->events.empty()) return all;
      cursor_ = page->cursor;
      all.insert(all.end(), page->events.begin(), page->events.end());
    }
  }

 private:
  StoreSession& session_;
  job::JobId id_;
  std::uint64_t cursor_ = 0;
};

Error unknown_job(const job::JobId& id) {
  return {Errc::not_found, fmt::format("there is no job {}, and nothing is known of it: jobs that ended well leave no "
                                       "trace unless events.history is all",
                                       to_string(id))};
}

int print_all(const std::optional<job::View>& job, const std::vector<std::string>& events, bool as_json) {
  if (as_json) {
    json::object object = job ? to_json(*job) : json::object{{"state", "gone"}};
    json::array& history = object["history"].emplace_array();
    for (const std::string& event : events) history.push_back(json::parse(event));
    print_json(object);
    return kDone;
  }
  job ? print_job(*job) : print_line("It is gone: done, removed, or at the end of its lifetime.");
  if (!events.empty()) print_line("");
  for (const std::string& event : events) print_event(event);
  return kDone;
}

/// Prints the job, then what happens until it has ended.
int follow(JobReader& reader, const job::JobId& id, bool as_json) {
  bool is_known = false;
  bool is_gone = false;
  for (;; std::this_thread::sleep_for(kGlance)) {
    const auto job = reader.job();
    if (!job) return complain(job.error());
    if (!is_known && *job) as_json ? print_json(to_json(**job)) : print_job(**job);
    const auto events = reader.events();
    if (!events) return complain(events.error());
    for (const std::string& event : *events) as_json ? print_line(event) : print_event(event);
    std::fflush(stdout);
    is_known = is_known || *job || !events->empty();
    if (!is_known) return complain(unknown_job(id));
    // The last events may be told just after the end.
    if (is_gone) return kDone;
    is_gone = !*job;
    if (is_gone || (*job)->origin.empty()) continue;
    std::fputs(fmt::format("coworker: the job is dead, in queue '{}'\n", printable((*job)->queue)).c_str(), stderr);
    return kFailed;
  }
}

/// An id, or civi:QUEUE/ITEM for a task of CiviCRM.
Result<job::JobId> id_of(const std::string& text) {
  constexpr std::string_view kTask = "civi:";
  const std::size_t slash = text.rfind('/');
  if (text.starts_with(kTask) && slash != std::string::npos) {
    return service::civi_job_id(text.substr(kTask.size(), slash - kTask.size()), text.substr(slash + 1));
  }
  if (const std::optional<job::JobId> id = job::parse_id(text)) return *id;
  return fail(Errc::invalid_argument, fmt::format("'{}' is not a job id (D-…, 40 characters)", printable(text)));
}

Result<StoreSession> open_session(const Arguments& arguments) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{std::move(configuration.error())};
  Result<StoreSession> session = StoreSession::open(configuration->settings);
  if (!session) return tl::unexpected{std::move(session.error()).wrap("open the store")};
  return session;
}

}  // namespace

int run_job(const Arguments& arguments, const Context& context) {
  if (!arguments.has("ID")) return complain_usage("which job? coworker job ID, or coworker job cancel ID");
  const Result<job::JobId> id = id_of(*arguments.text("ID"));
  if (!id) return complain_usage(id.error().message());
  Result<StoreSession> session = open_session(arguments);
  if (!session) return complain(session.error());
  JobReader reader{*session, *id};
  if (arguments.has("follow")) return follow(reader, *id, context.json);
  const auto job = reader.job();
  if (!job) return complain(job.error());
  const auto events = reader.events();
  if (!events) return complain(events.error());
  if (!*job && events->empty()) return complain(unknown_job(*id));
  return print_all(*job, *events, context.json);
}

int run_job_cancel(const Arguments& arguments, const Context& context) {
  job::Remove remove;
  for (const std::string& text : arguments.texts("ID")) {
    const Result<job::JobId> id = id_of(text);
    if (!id) return complain_usage(id.error().message());
    remove.jobs.push_back(*id);
  }
  Result<StoreSession> session = open_session(arguments);
  if (!session) return complain(session.error());
  const Result<job::Statuses> statuses = session->ask_for<job::Statuses>(remove);
  if (!statuses) return complain(statuses.error());
  job::Record record;
  json::object out;
  std::size_t missing = 0;
  for (std::size_t i = 0; i < remove.jobs.size() && i < statuses->each.size(); ++i) {
    const bool is_done = statuses->each[i] == job::Status::done;
    const std::string id = to_string(remove.jobs[i]);
    out[id] = is_done ? "cancelled" : "not found";
    if (!context.json) print_line(fmt::format("{} {}", id, is_done ? "cancelled" : "not found"));
    missing += is_done ? 0 : 1;
    if (is_done) {
      record.items.push_back(
          {remove.jobs[i], json::serialize(json::object{{"event", "cancelled"}, {"time", wall_millis()}})});
    }
  }
  if (context.json) print_json(out);
  if (!record.items.empty() && session->store().capabilities().history) {
    if (const auto recorded = session->ask(std::move(record)); !recorded) return complain(recorded.error());
  }
  return missing == 0 ? kDone : kFailed;
}

}  // namespace coworker::app
