#include "api/view_json.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_from.hpp>

#include "job/envelope.h"
#include "job/json_text.h"

namespace coworker::api {
namespace {

namespace json = boost::json;

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

json::value seconds(Millis duration) {
  if (duration.count() % 1000 == 0) return duration.count() / 1000;
  return static_cast<double>(duration.count()) / 1000;
}

json::object process_json(const ProcessView& process) {
  json::object object{{"state", process.state}, {"pid", process.pid},       {"running", process.running},
                      {"ended", process.ended}, {"starts", process.starts}, {"last_end", json_text(process.last_end)}};
  if (process.pause.count() > 0) object["pause"] = seconds(process.pause);
  return object;
}

void add_loop(json::object& object, const WorkerView& worker) {
  object["id"] = json_text(worker.id);
  object["looptime"] = seconds(worker.looptime);
  object["forever"] = worker.forever;
  object["pid"] = worker.pid;
  object["uptime"] = seconds(worker.uptime);
  object["rounds"] = worker.rounds;
  object["failed_rounds"] = worker.failed_rounds;
  object["restarts"] = worker.restarts;
  object["last_round"] = worker.last_round ? seconds(*worker.last_round) : json::value{};
  object["last_failure"] = json_text(worker.last_failure);
  object["last_exit"] = worker.last_exit ? json::value(*worker.last_exit) : json::value{};  // braces make a list
}

void add_consumers(json::object& object, const WorkerView& worker) {
  json::array queues;
  for (const std::string& queue : worker.queues) queues.push_back(json_text(queue));
  json::array processes;
  for (const ProcessView& process : worker.processes) processes.push_back(process_json(process));
  object["queues"] = std::move(queues);
  object["min"] = worker.least;
  object["max"] = worker.most;
  object["wanted"] = worker.wanted;
  object["processes"] = std::move(processes);
}

void add_civi(json::object& object, const WorkerView& worker) {
  json::object tasks;
  for (const TasksView& queue : worker.tasks) tasks[json_text(queue.queue)] = json::value_from(queue.ended);
  json::array left;
  for (const LeftView& task : worker.left) {
    left.push_back(
        json::object{{"queue", json_text(task.queue)}, {"id", json_text(task.id)}, {"lease_left", seconds(task.left)}});
  }
  object["site"] = json_text(worker.site);
  object["running"] = worker.running;
  object["failures"] = worker.failures;
  object["tasks"] = std::move(tasks);
  object["left"] = std::move(left);
}

}  // namespace

json::string json_text(std::string_view bytes) {
  boost::system::error_code error;
  json::value value = json::parse(job::json_string(bytes), error);
  return error ? json::string{} : value.as_string();
}

json::object to_json(const job::QueueView& queue) {
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

json::object to_json(const job::View& job) {
  json::object object{{"id", to_string(job.id)},
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

json::object to_json(const job::StoreTotals& totals) {
  return {{"jobs", totals.jobs},           {"ready", totals.ready},
          {"scheduled", totals.scheduled}, {"leased", totals.leased},
          {"queues", totals.queues},       {"added", totals.added},
          {"acked", totals.acked},         {"expired", totals.expired},
          {"buried", totals.buried},       {"leases_ended", totals.leases_ended},
          {"memory_bytes", totals.memory}, {"disk_bytes", totals.disk},
          {"writable", totals.writable},   {"trouble", json_text(totals.trouble)}};
}

json::object to_json(const WorkerView& worker) {
  json::object object{{"name", json_text(worker.name)},
                      {"kind", to_string(worker.kind)},
                      {"state", static_cast<int>(worker.state)},
                      {"state_name", to_string(worker.state)}};
  switch (worker.kind) {
    case WorkerKind::loop:
      add_loop(object, worker);
      break;
    case WorkerKind::consumers:
      add_consumers(object, worker);
      break;
    case WorkerKind::civi:
      add_civi(object, worker);
      break;
  }
  return object;
}

json::object to_json(const DaemonView& daemon) {
  return {{"pid", daemon.pid},
          {"version", daemon.version},
          {"build", daemon.build},
          {"store", json_text(daemon.store)},
          {"uptime", seconds(daemon.uptime)},
          {"stopping", daemon.stopping},
          {"held", daemon.held},
          {"workers", daemon.workers}};
}

json::object to_json(const Reloaded& reloaded) {
  return {{"ok", reloaded.ok}, {"text", json::value_from(reloaded.text)}};
}

}  // namespace coworker::api
