#include "app/loop_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "app/config_value.h"
#include "proc/identity.h"

namespace coworker::app {
namespace {

using service::LoopConfig;
using service::LoopKind;
using Texts = std::vector<std::string>;

LoopConfig registered_config(const std::string& name, const LoopOptions& options) {
  LoopConfig loop;
  loop.name = name;
  loop.id = options.id;
  loop.logger = options.logger;
  loop.kind = LoopKind::inline_worker;
  loop.worker = name;
  loop.looptime = std::max(options.looptime, Millis{1});
  loop.jitter = options.jitter;
  loop.forever = options.forever;
  loop.hang = options.hang;
  loop.restarts = options.restarts;
  loop.user = options.user;
  loop.niceness = options.niceness;
  loop.directory = options.directory;
  loop.environment = options.environment;
  loop.memory = options.memory;
  loop.cpu = options.cpu;
  loop.open_files = options.open_files;
  loop.after = options.after;
  return loop;
}

/// Reads one of the configuration over what the code says of it.
class LoopReader {
 public:
  LoopReader(const Settings& settings, const Settings::Entry& entry, const worker::Registry& registry)
      : settings_{settings}, entry_{entry}, registry_{registry} {}

  Result<> read(LoopConfig& loop) const;

 private:
  Path at(const char* key) const { return {"loops", entry_.name, key}; }
  template <class T>
  T get(const char* key) const {
    return settings_.get<T>(at(key));
  }
  bool is_given(const char* key) const { return settings_.given(at(key)) != nullptr; }

  /// What is given wins, else what the code says; of one that no code registers the default holds.
  template <class From, class To>
  void take(const char* key, To& to) const {
    if (is_given(key) || registry_.find_loop(entry_.name) == nullptr) to = static_cast<To>(get<From>(key));
  }
  tl::unexpected<Error> refuse(const char* key, std::string_view text) const;
  Result<> read_kind(LoopConfig& loop) const;
  Result<> read_environment(LoopConfig& loop) const;

  const Settings& settings_;
  const Settings::Entry& entry_;
  const worker::Registry& registry_;
};

tl::unexpected<Error> LoopReader::refuse(const char* key, std::string_view text) const {
  const Value* given = settings_.given(at(key));
  return fail(Errc::invalid_argument,
              fmt::format("{}: loops.{}.{}{}", given ? given->origin : entry_.origin, entry_.name, key, text));
}

Result<> LoopReader::read_kind(LoopConfig& loop) const {
  const auto type = get<std::string>("type");
  const auto command = get<Texts>("command");
  if (type == "inline" || (type.empty() && command.empty())) {
    if (!command.empty()) return refuse("command", ": type inline has no such key");
    loop.kind = LoopKind::inline_worker;
    loop.worker = get<std::string>("worker");
    if (loop.worker.empty()) loop.worker = entry_.name;
    if (registry_.find_loop(loop.worker) != nullptr) return {};
    return refuse(is_given("worker") ? "worker" : "command",
                  fmt::format("{} this program registers no loop worker '{}'; one in another language is a command",
                              is_given("worker") ? ":" : " is missing:", loop.worker));
  }
  loop.kind = type == "pipe" ? LoopKind::pipe : LoopKind::command;
  if (is_given("worker")) return refuse("worker", ": only type inline has such a key");
  if (command.empty() || command.front().empty()) {
    return refuse("command", fmt::format(" is missing: type {} needs a program", type));
  }
  loop.command = command;
  return {};
}

Result<> LoopReader::read_environment(LoopConfig& loop) const {
  for (const std::string& pair : get<Texts>("environment")) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return refuse("environment", fmt::format(": '{}' is not NAME=TEXT", pair));
    }
    loop.environment[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return {};
}

Result<> LoopReader::read(LoopConfig& loop) const {
  loop.name = entry_.name;
  if (Result<> kind = read_kind(loop); !kind) return kind;
  if (Result<> environment = read_environment(loop); !environment) return environment;
  take<std::string>("id", loop.id);
  take<std::string>("logger", loop.logger);
  take<Millis>("looptime", loop.looptime);
  take<Millis>("jitter", loop.jitter);
  take<bool>("forever", loop.forever);
  take<Millis>("hang", loop.hang);
  take<std::int64_t>("restarts", loop.restarts);
  take<std::string>("user", loop.user);
  take<std::int64_t>("niceness", loop.niceness);
  take<std::string>("directory", loop.directory);
  take<std::uint64_t>("memory", loop.memory);
  take<std::int64_t>("open_files", loop.open_files);
  take<Texts>("after", loop.after);
  if (is_given("cpu")) loop.cpu = std::chrono::ceil<Seconds>(get<Millis>("cpu"));
  return {};
}

/// What holds between them.
class Dependencies {
 public:
  Dependencies(const Settings& settings, const std::vector<LoopConfig>& loops) : settings_{settings}, loops_{loops} {}

  Result<> check() {
    for (const LoopConfig& loop : loops_) {
      if (Result<> followed = follow(loop); !followed) return followed;
    }
    return {};
  }

 private:
  Result<> follow(const LoopConfig& loop) {
    if (done_.contains(loop.name)) return {};
    if (!open_.insert(loop.name).second) return refuse(loop, "it would have to wait for itself");
    for (const std::string& name : loop.after) {
      const auto other =
          std::find_if(loops_.begin(), loops_.end(), [&](const LoopConfig& each) { return each.name == name; });
      if (other == loops_.end()) {
        std::vector<std::string_view> names;
        for (const LoopConfig& each : loops_) names.push_back(each.name);
        const std::string_view near = nearest(name, names);
        return refuse(loop, fmt::format("there is no loop worker '{}'{}", name,
                                        near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
      }
      if (Result<> followed = follow(*other); !followed) return followed;
    }
    open_.erase(loop.name);
    done_.insert(loop.name);
    return {};
  }

  Result<> refuse(const LoopConfig& loop, std::string_view text) const {
    const Value* given = settings_.given({"loops", loop.name, "after"});
    return fail(Errc::invalid_argument,
                fmt::format("{}loops.{}.after: {}", given ? given->origin + ": " : std::string{}, loop.name, text));
  }

  const Settings& settings_;
  const std::vector<LoopConfig>& loops_;
  std::set<std::string> open_;
  std::set<std::string> done_;
};

Result<> check_user(const Settings& settings, const LoopConfig& loop) {
  if (loop.user.empty()) return {};
  const Result<proc::Identity> identity = proc::find_identity(loop.user);
  if (identity) return {};
  const Value* given = settings.given({"loops", loop.name, "user"});
  return fail(Errc::invalid_argument, fmt::format("{}loops.{}.user: {}", given ? given->origin + ": " : std::string{},
                                                  loop.name, identity.error().message()));
}

}  // namespace

Result<std::vector<LoopConfig>> loop_configs(const Settings& settings, const worker::Registry& registry) {
  std::vector<LoopConfig> loops;
  for (const auto& [name, entry] : registry.loops()) loops.push_back(registered_config(name, entry.options));
  for (const Settings::Entry& entry : settings.entries({"loops"})) {
    auto known =
        std::find_if(loops.begin(), loops.end(), [&](const LoopConfig& each) { return each.name == entry.name; });
    if (known == loops.end()) known = loops.insert(loops.end(), LoopConfig{});
    if (Result<> read = LoopReader{settings, entry, registry}.read(*known); !read) return tl::unexpected{read.error()};
  }
  for (LoopConfig& loop : loops) {
    if (loop.id.empty()) loop.id = loop.name;
    if (loop.logger.empty()) loop.logger = loop.name;
    if (Result<> user = check_user(settings, loop); !user) return tl::unexpected{user.error()};
  }
  if (Result<> checked = Dependencies{settings, loops}.check(); !checked) return tl::unexpected{checked.error()};
  return loops;
}

}  // namespace coworker::app
