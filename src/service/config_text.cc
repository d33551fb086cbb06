#include "service/config_text.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>
#include <exception>

namespace coworker::service {
namespace {

namespace json = boost::json;

using Texts = std::map<std::string, std::string>;

json::object write(const HttpConfig& http) {
  return {{"address", http.address},
          {"method", http.method},
          {"headers", json::value_from(http.headers)},
          {"replaced", json::value_from(http.replaced)},
          {"redirects", http.redirects},
          {"response_limit", http.response_limit},
          {"authorities", http.authorities}};
}

json::object write(const PoolConfig& pool) {
  return {{"count", pool.count},
          {"requests", pool.requests},
          {"lifetime", pool.lifetime.count()},
          {"idle", pool.idle.count()},
          {"max_memory", pool.max_memory}};
}

json::object write(const WorkerConfig& worker) {
  return {{"kind", static_cast<int>(worker.kind)},
          {"command", json::value_from(worker.command)},
          {"name", worker.name},
          {"directory", worker.directory},
          {"environment", json::value_from(worker.environment)},
          {"memory", worker.memory},
          {"http", write(worker.http)},
          {"pool", write(worker.pool)}};
}

json::object write(const QueueConfig& queue) {
  return {{"name", queue.name},
          {"worker", write(queue.worker)},
          {"process_timeout", queue.job_process_timeout.count()},
          {"lifetime", queue.job_lifetime.count()},
          {"max_retries", queue.max_retries},
          {"max_crashes", queue.max_crashes},
          {"strategy", static_cast<int>(queue.failure_strategy)},
          {"own_strategy", queue.own_strategy},
          {"failure_queue", queue.failure_queue}};
}

json::object write(const ConsumerConfig& consumer) {
  return {
      {"queues", json::value_from(consumer.queues)}, {"batch", consumer.job_batch}, {"prefetch", consumer.prefetch}};
}

std::string text(const json::object& from, const char* key) {
  return std::string{from.at(key).as_string()};
}

template <class T>
T number(const json::object& from, const char* key) {
  return json::value_to<T>(from.at(key));
}

std::vector<std::string> texts(const json::object& from, const char* key) {
  return json::value_to<std::vector<std::string>>(from.at(key));
}

Texts text_map(const json::object& from, const char* key) {
  return json::value_to<Texts>(from.at(key));
}

HttpConfig read_http(const json::object& from) {
  HttpConfig http;
  http.address = text(from, "address");
  http.method = text(from, "method");
  http.headers = text_map(from, "headers");
  http.replaced = text_map(from, "replaced");
  http.redirects = number<std::uint32_t>(from, "redirects");
  http.response_limit = number<std::uint64_t>(from, "response_limit");
  http.authorities = text(from, "authorities");
  return http;
}

PoolConfig read_pool(const json::object& from) {
  PoolConfig pool;
  pool.count = number<std::uint32_t>(from, "count");
  pool.requests = number<std::uint64_t>(from, "requests");
  pool.lifetime = Millis{number<std::int64_t>(from, "lifetime")};
  pool.idle = Millis{number<std::int64_t>(from, "idle")};
  pool.max_memory = number<std::uint64_t>(from, "max_memory");
  return pool;
}

WorkerConfig read_worker(const json::object& from) {
  WorkerConfig worker;
  worker.kind = static_cast<WorkerKind>(number<int>(from, "kind"));
  worker.command = texts(from, "command");
  worker.name = text(from, "name");
  worker.directory = text(from, "directory");
  worker.environment = text_map(from, "environment");
  worker.memory = number<std::uint64_t>(from, "memory");
  worker.http = read_http(from.at("http").as_object());
  worker.pool = read_pool(from.at("pool").as_object());
  return worker;
}

QueueConfig read_queue(const json::object& from) {
  QueueConfig queue;
  queue.name = text(from, "name");
  queue.worker = read_worker(from.at("worker").as_object());
  queue.job_process_timeout = Seconds{number<std::int64_t>(from, "process_timeout")};
  queue.job_lifetime = Seconds{number<std::int64_t>(from, "lifetime")};
  queue.max_retries = number<std::uint32_t>(from, "max_retries");
  queue.max_crashes = number<std::uint32_t>(from, "max_crashes");
  queue.failure_strategy = static_cast<FailureStrategy>(number<int>(from, "strategy"));
  queue.own_strategy = text(from, "own_strategy");
  queue.failure_queue = text(from, "failure_queue");
  return queue;
}

ConsumerConfig read_consumer(const json::object& from) {
  ConsumerConfig consumer;
  consumer.queues = texts(from, "queues");
  consumer.job_batch = number<std::uint32_t>(from, "batch");
  consumer.prefetch = number<std::uint32_t>(from, "prefetch");
  return consumer;
}

Assignment read(const json::object& from) {
  Assignment out;
  out.build = text(from, "build");
  Config& config = out.config;
  config.store = text(from, "store");
  config.store_password = text(from, "password");
  config.store_tls = {text(from, "tls_certificate"), text(from, "tls_key"), text(from, "tls_ca"),
                      from.at("tls_verify").as_bool(), text(from, "tls_name")};
  config.log.level = static_cast<log::Level>(number<int>(from, "log_level"));
  config.log.format = static_cast<log::Format>(number<int>(from, "log_format"));
  config.log.file = text(from, "log_file");
  config.events.history = static_cast<EventConfig::History>(number<int>(from, "events_history"));
  config.events.file = text(from, "events_file");
  config.events.bodies = from.at("events_bodies").as_bool();
  config.hooks = from.at("hooks").as_bool();
  config.lease = Millis{number<std::int64_t>(from, "lease")};
  config.stop_grace = Millis{number<std::int64_t>(from, "stop_grace")};
  config.kill_grace = Millis{number<std::int64_t>(from, "kill_grace")};
  for (const json::value& queue : from.at("queues").as_array()) config.queues.push_back(read_queue(queue.as_object()));
  config.consumers.push_back(read_consumer(from.at("consumer").as_object()));
  return out;
}

}  // namespace

std::string to_text(const Assignment& assignment) {
  const Config& config = assignment.config;
  json::array queues;
  for (const QueueConfig& queue : config.queues) queues.push_back(write(queue));
  return json::serialize(json::object{{"build", assignment.build},
                                      {"store", config.store},
                                      {"password", config.store_password},
                                      {"tls_certificate", config.store_tls.certificate},
                                      {"tls_key", config.store_tls.key},
                                      {"tls_ca", config.store_tls.ca},
                                      {"tls_verify", config.store_tls.verify},
                                      {"tls_name", config.store_tls.name},
                                      {"log_level", static_cast<int>(config.log.level)},
                                      {"log_format", static_cast<int>(config.log.format)},
                                      {"log_file", config.log.file},
                                      {"events_history", static_cast<int>(config.events.history)},
                                      {"events_file", config.events.file},
                                      {"events_bodies", config.events.bodies},
                                      {"hooks", config.hooks},
                                      {"lease", config.lease.count()},
                                      {"stop_grace", config.stop_grace.count()},
                                      {"kill_grace", config.kill_grace.count()},
                                      {"queues", std::move(queues)},
                                      {"consumer", write(config.consumers.at(0))}});
}

Result<Assignment> parse_assignment(std::string_view text) {
  try {
    return read(json::parse(text).as_object());
  } catch (const std::exception& error) {
    return fail(Errc::invalid_argument, std::string{"read what the supervisor says: "} + error.what());
  }
}

}  // namespace coworker::service
