#include "app/configuration.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>

#include "app/config_file.h"
#include "app/config_value.h"
#include "app/worker_settings.h"
#include "base/file.h"

namespace coworker::app {
namespace {

bool exists(const char* file) {
  struct stat status{};
  return ::stat(file, &status) == 0;
}

std::vector<std::string> files_to_read(const std::vector<std::string>& files) {
  if (!files.empty()) return files;
  if (const char* named = std::getenv("COWORKER_CONFIG"); named != nullptr && *named != '\0') return {named};
  for (const char* usual : {"coworker.yml", "disqontrol.yml"}) {
    if (exists(usual)) return {usual};
  }
  return {};
}

Result<> apply_override(const Override& given, Settings& settings) {
  const Key* key = find_key(given.pattern);
  if (key == nullptr) return fail(Errc::invalid_argument, fmt::format("{}: no such key", given.pattern));
  Path path;
  const std::size_t dot = given.pattern.find('.');
  if (dot != std::string::npos) path.push_back(given.pattern.substr(0, dot));
  path.push_back(given.pattern.substr(dot == std::string::npos ? 0 : dot + 1));
  if (key->kind == Kind::texts || key->kind == Kind::addresses) {
    settings.set(std::move(path), {given.texts, given.flag});
    return {};
  }
  Result<Value> value = parse_value(*key, given.texts.back(), given.flag);
  if (!value) return tl::unexpected{std::move(value.error()).wrap(given.flag)};
  settings.set(std::move(path), std::move(*value));
  return {};
}

Seconds whole_seconds(Millis duration) {
  return std::chrono::ceil<Seconds>(duration);
}

/// Reads the keys of one section.
struct Section {
  const Settings& settings;
  Path path;

  Path at(const char* name) const {
    Path full = path;
    full.emplace_back(name);
    return full;
  }
  std::string text(const char* name) const { return settings.text(at(name)); }
  std::uint32_t number(const char* name) const {
    return static_cast<std::uint32_t>(settings.get<std::int64_t>(at(name)));
  }
  Millis duration(const char* name) const { return settings.get<Millis>(at(name)); }
};

Result<service::QueueConfig> queue_config(const Settings& settings, const Settings::Entry& entry) {
  const Section keys{settings, {"queues", entry.name}};
  Result<service::WorkerConfig> worker = worker_config(settings, entry);
  if (!worker) return tl::unexpected{std::move(worker.error())};
  service::QueueConfig queue;
  queue.name = entry.name;
  queue.worker = std::move(*worker);
  queue.concurrency = keys.number("concurrency");
  queue.group_limit = keys.number("group_limit");
  queue.weight = keys.number("weight");
  queue.job_process_timeout = whole_seconds(keys.duration("job_process_timeout"));
  queue.job_lifetime = whole_seconds(keys.duration("job_lifetime"));
  queue.max_retries = keys.number("max_retries");
  queue.max_crashes = keys.number("max_crashes");
  queue.failure_queue = keys.text("failure_queue");
  const std::string strategy = keys.text("failure_strategy");
  if (strategy == "retry_immediately") {
    queue.failure_strategy = service::FailureStrategy::retry_immediately;
  } else if (strategy != "retry") {
    queue.failure_strategy = service::FailureStrategy::own;
    queue.own_strategy = strategy;
  }
  return queue;
}

service::ConsumerConfig consumer_config(const Settings& settings, Path place, std::vector<std::string> queues) {
  const Section keys{settings, std::move(place)};
  service::ConsumerConfig consumer;
  consumer.queues = std::move(queues);
  consumer.min_processes = keys.number("min_processes");
  consumer.max_processes = std::max(consumer.min_processes, keys.number("max_processes"));
  consumer.autoscale = settings.get<bool>(keys.at("autoscale"));
  consumer.job_batch = keys.number("job_batch");
  consumer.prefetch = keys.number("prefetch");
  return consumer;
}

Result<> add_consumers(const Settings& settings, service::Config& config) {
  std::set<std::string> known, served;
  for (const service::QueueConfig& queue : config.queues) known.insert(queue.name);
  for (const Settings::Entry& entry : settings.entries({"consumers"})) {
    auto queues = settings.get<std::vector<std::string>>({"consumers", entry.name, "queues"});
    if (queues.empty()) {
      return fail(Errc::invalid_argument, fmt::format("{}: consumers.{}: queues is missing", entry.origin, entry.name));
    }
    for (const std::string& queue : queues) {
      if (!known.contains(queue)) {
        const std::vector<std::string_view> names{known.begin(), known.end()};
        const std::string_view near = nearest(queue, names);
        return fail(Errc::invalid_argument,
                    fmt::format("{}: consumers.{}.queues: there is no queue '{}' under queues{}", entry.origin,
                                entry.name, queue, near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
      }
      served.insert(queue);
    }
    config.consumers.push_back(consumer_config(settings, {"consumers", entry.name}, std::move(queues)));
  }
  std::vector<std::string> rest;
  for (const service::QueueConfig& queue : config.queues) {
    if (!served.contains(queue.name)) rest.push_back(queue.name);
  }
  if (!rest.empty()) config.consumers.push_back(consumer_config(settings, {"consumer_defaults"}, std::move(rest)));
  return {};
}

}  // namespace

Result<Configuration> load_configuration(const std::vector<std::string>& files,
                                         const std::vector<Override>& overrides) {
  Configuration loaded;
  loaded.files = files_to_read(files);
  for (const std::string& file : loaded.files) {
    Result<> outcome = read_config_file(file, loaded.settings);
    if (!outcome) return tl::unexpected{std::move(outcome.error())};
  }
  Result<> outcome = read_environment([](const char* name) { return std::getenv(name); }, loaded.settings);
  if (!outcome) return tl::unexpected{std::move(outcome.error())};
  outcome = apply_overrides(overrides, loaded.settings);
  if (!outcome) return tl::unexpected{std::move(outcome.error())};
  return loaded;
}

Result<> apply_overrides(const std::vector<Override>& overrides, Settings& settings) {
  for (const Override& given : overrides) {
    Result<> outcome = apply_override(given, settings);
    if (!outcome) return outcome;
  }
  return {};
}

Result<service::Config> service_config(const Settings& settings) {
  service::Config config;
  config.store = settings.text({"store"});
  config.store_tls = tls_settings(settings);
  config.log = log_options(settings);
  const std::string history = settings.text({"events", "history"});
  config.events.history = history == "all"    ? service::EventConfig::History::all
                          : history == "none" ? service::EventConfig::History::none
                                              : service::EventConfig::History::failures;
  config.events.file = settings.text({"events", "file"});
  config.events.bodies = settings.get<bool>({"events", "bodies"});
  config.lease = settings.get<Millis>({"lease"});
  config.kill_switch = settings.text({"kill_switch"});
  config.stop_grace = settings.get<Millis>({"stop_grace"});
  config.kill_grace = settings.get<Millis>({"kill_grace"});
  for (const Settings::Entry& entry : settings.entries({"queues"})) {
    Result<service::QueueConfig> queue = queue_config(settings, entry);
    if (!queue) return tl::unexpected{std::move(queue.error())};
    config.queues.push_back(std::move(*queue));
  }
  config.schedule = schedule_config(settings);
  config.new_jobs = config.schedule->queues;
  config.other_job = config.schedule->other;
  if (config.schedule->crontab.empty()) config.schedule.reset();
  Result<> outcome = add_consumers(settings, config);
  if (!outcome) return tl::unexpected{std::move(outcome.error())};
  return config;
}

job::NewJob new_job(const Settings& settings, const std::string& queue) {
  bool is_configured = false;
  for (const Settings::Entry& entry : settings.entries({"queues"})) is_configured |= entry.name == queue;
  const Section keys{settings, is_configured ? Path{"queues", queue} : Path{"defaults"}};
  job::NewJob job;
  job.queue = queue;
  job.lifetime = whole_seconds(keys.duration("job_lifetime"));
  job.priority = settings.get<std::int64_t>(keys.at("priority"));
  job.process_timeout = whole_seconds(keys.duration("job_process_timeout"));
  const bool is_at_most_once = settings.given({"disqontrol"}) != nullptr && job.process_timeout.count() == 0;
  if (is_at_most_once) job.retry = Seconds{0};
  return job;
}

service::ScheduleConfig schedule_config(const Settings& settings) {
  const Section keys{settings, {"schedule"}};
  service::ScheduleConfig schedule;
  schedule.crontab = keys.text("crontab");
  schedule.time_zone = keys.text("time_zone");
  const std::string catch_up = keys.text("catch_up");
  schedule.catch_up = catch_up == "all"    ? job::CatchUp::all
                      : catch_up == "last" ? job::CatchUp::last
                                           : job::CatchUp::none;
  schedule.window = keys.duration("window");
  for (const Settings::Entry& entry : settings.entries({"queues"})) {
    schedule.queues.emplace(entry.name, new_job(settings, entry.name));
  }
  schedule.other = new_job(settings, "");
  return schedule;
}

log::Options log_options(const Settings& settings) {
  log::Options options;
  options.level = log::parse_level(settings.text({"log", "level"})).value_or(log::Level::info);
  options.format = settings.text({"log", "format"}) == "json" ? log::Format::json : log::Format::text;
  options.file = settings.text({"log", "file"});
  return options;
}

store::TlsSettings tls_settings(const Settings& settings) {
  const Section keys{settings, {"tls"}};
  return {keys.text("certificate"), keys.text("key"), keys.text("ca"), settings.get<bool>(keys.at("verify")),
          keys.text("name")};
}

Result<std::string> store_password(const Settings& settings) {
  const Value* given = settings.given({"password"});
  const Value file = settings.effective({"password_file"});
  const auto is_flag = [](const std::string& origin) { return origin.starts_with("--"); };
  if (given != nullptr && is_flag(given->origin)) return std::get<std::string>(given->data);
  if (is_flag(file.origin)) return read_secret(std::get<std::string>(file.data));
  const char* variable = std::getenv("COWORKER_PASSWORD");
  if (variable != nullptr && *variable != '\0') return std::string{variable};
  if (given != nullptr) return std::get<std::string>(given->data);
  const std::string& name = std::get<std::string>(file.data);
  return name.empty() ? Result<std::string>{std::string{}} : read_secret(name);
}

}  // namespace coworker::app
