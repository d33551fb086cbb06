#include "app/worker_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "service/make_worker.h"
#include "worker/address.h"

namespace coworker::app {
namespace {

using service::WorkerKind;
using Texts = std::vector<std::string>;

struct Type {
  std::string_view name;
  WorkerKind kind;
  std::string_view keys;  // that mean something for it, besides `type`
};

constexpr Type kTypes[] = {
    {"command", WorkerKind::command, "command directory environment memory"},
    {"inline", WorkerKind::inline_worker, "name"},
    {"isolated", WorkerKind::isolated, "name directory environment memory"},
    {"http", WorkerKind::http, "address method headers placeholders redirects response_limit authorities"},
    {"pipe", WorkerKind::pipe, "command directory environment memory count requests lifetime idle max_memory"},
};

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t blank = words.find(' ');
    if (words.substr(0, blank) == word) return true;
    if (blank == std::string_view::npos) return false;
    words.remove_prefix(blank + 1);
  }
  return false;
}

/// "command and pipe"
std::string types_with(std::string_view key) {
  Texts names;
  for (const Type& type : kTypes) {
    if (has_word(type.keys, key)) names.emplace_back(type.name);
  }
  return fmt::format("{}", fmt::join(names, " and "));
}

/// Reads one queue's worker.
class Reader {
 public:
  Reader(const Settings& settings, const Settings::Entry& queue) : settings_{settings}, queue_{queue} {}

  Result<service::WorkerConfig> read();

 private:
  Path at(std::string_view key) const { return {"queues", queue_.name, "worker", std::string{key}}; }
  template <class T>
  T get(std::string_view key) const {
    return settings_.get<T>(at(key));
  }
  template <class T>
  T number(std::string_view key) const {
    return static_cast<T>(get<std::int64_t>(key));
  }
  tl::unexpected<Error> refuse(std::string_view key, std::string_view text) const;
  Result<> check_keys(const Type& type) const;
  Result<std::map<std::string, std::string>> pairs(std::string_view key) const;
  Result<> read_http(service::HttpConfig& http) const;
  Result<> read_command(service::WorkerConfig& worker) const;

  const Settings& settings_;
  const Settings::Entry& queue_;
};

tl::unexpected<Error> Reader::refuse(std::string_view key, std::string_view text) const {
  const Value* given = key.empty() ? nullptr : settings_.given(at(key));
  return fail(Errc::invalid_argument, fmt::format("{}: queues.{}.worker{}{}{}", given ? given->origin : queue_.origin,
                                                  queue_.name, key.empty() ? "" : ".", key, text));
}

Result<> Reader::check_keys(const Type& type) const {
  for (const Key& key : keys()) {
    if (key.scope != Scope::worker || key.name == "type" || has_word(type.keys, key.name)) continue;
    if (settings_.given(at(key.name)) == nullptr) continue;
    return refuse(key.name,
                  fmt::format(": type {} has no such key; it belongs to {}", type.name, types_with(key.name)));
  }
  return {};
}

Result<std::map<std::string, std::string>> Reader::pairs(std::string_view key) const {
  std::map<std::string, std::string> out;
  for (const std::string& pair : get<Texts>(key)) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) return refuse(key, fmt::format(": '{}' is not NAME=TEXT", pair));
    out[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return out;
}

Result<> Reader::read_http(service::HttpConfig& http) const {
  http.address = get<std::string>("address");
  http.method = get<std::string>("method");
  http.redirects = number<std::uint32_t>("redirects");
  http.response_limit = get<std::uint64_t>("response_limit");
  http.authorities = get<std::string>("authorities");
  if (http.address.empty()) return refuse("address", " is missing: type http needs a URL");
  if (!http.address.starts_with("http://") && !http.address.starts_with("https://")) {
    return refuse("address", fmt::format(": '{}' begins with neither http:// nor https://", http.address));
  }
  auto headers = pairs("headers");
  if (!headers) return tl::unexpected{headers.error()};
  for (const auto& [name, text] : *headers) {
    const bool is_clean = std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' && c != '\t'; });
    const bool is_name =
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c < 127 && c != ':'; });
    if (!is_clean || !is_name) return refuse("headers", fmt::format(": '{}' cannot be a header", name));
  }
  http.headers = std::move(*headers);
  auto placeholders = pairs("placeholders");
  if (!placeholders) return tl::unexpected{placeholders.error()};
  http.replaced = std::move(*placeholders);
  for (const std::string& name : worker::placeholders_of(http.address)) {
    if (name == "queue" || name == "id" || http.replaced.contains(name)) continue;
    return refuse("address", fmt::format(": nothing says what {{{}}} is; put {}: TEXT beside the address", name, name));
  }
  return {};
}

Result<> Reader::read_command(service::WorkerConfig& worker) const {
  worker.command = get<Texts>("command");
  if (!worker.command.empty() && !worker.command.front().empty()) return {};
  return refuse("command", fmt::format(" is missing: type {} needs a program", get<std::string>("type")));
}

Result<service::WorkerConfig> Reader::read() {
  const auto name = get<std::string>("type");
  if (name.empty()) {
    return refuse("", " is missing: say what runs its jobs, e.g. worker: { type: command, command: [php, x.php] }");
  }
  const Type& type =
      *std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& one) { return one.name == name; });
  if (Result<> checked = check_keys(type); !checked) return tl::unexpected{checked.error()};
  service::WorkerConfig worker;
  worker.kind = type.kind;
  worker.directory = get<std::string>("directory");
  worker.memory = get<std::uint64_t>("memory");
  auto environment = pairs("environment");
  if (!environment) return tl::unexpected{environment.error()};
  worker.environment = std::move(*environment);
  if (is_registered(type.kind)) {
    worker.name = get<std::string>("name");
    if (worker.name.empty()) worker.name = queue_.name;
    return worker;
  }
  Result<> rest = type.kind == WorkerKind::http ? read_http(worker.http) : read_command(worker);
  if (!rest) return tl::unexpected{rest.error()};
  worker.pool = {number<std::uint32_t>("count"), number<std::uint64_t>("requests"), get<Millis>("lifetime"),
                 get<Millis>("idle"), get<std::uint64_t>("max_memory")};
  return worker;
}

}  // namespace

Result<service::WorkerConfig> worker_config(const Settings& settings, const Settings::Entry& queue) {
  return Reader{settings, queue}.read();
}

Result<> check_workers(const service::Config& config, const Settings& settings, const worker::Registry& registry) {
  for (const service::QueueConfig& queue : config.queues) {
    if (!queue.own_strategy.empty() && !registry.hooks().strategies.contains(queue.own_strategy)) {
      const Value* given = settings.given({"queues", queue.name, "failure_strategy"});
      Error error{Errc::not_found,
                  fmt::format("queue '{}': this program has no failure strategy '{}'; without one there "
                              "are retry and retry_immediately",
                              queue.name, queue.own_strategy)};
      return tl::unexpected{given == nullptr ? std::move(error) : std::move(error).wrap(given->origin)};
    }
    if (!is_registered(queue.worker.kind) || registry.has(queue.worker.name)) continue;
    Error error = service::not_registered(queue);
    const Value* type = settings.given({"queues", queue.name, "worker", "type"});
    return tl::unexpected{type == nullptr ? std::move(error) : std::move(error).wrap(type->origin)};
  }
  return {};
}

}  // namespace coworker::app
