#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "app/config_file.h"

namespace coworker::app {
namespace {

const std::string kRoot = "disqontrol";

// The foreign values of a scope's keys, written to `to`; `explicit_defaults`: also those that are not in the file.
void carry(Settings& settings, Scope scope, const Path& from, const Path& to, bool explicit_defaults) {
  for (const Key& key : keys()) {
    if (key.scope != scope) continue;
    Path source = from;
    source.emplace_back(key.name);
    Path target = to;
    target.emplace_back(key.name);
    if (explicit_defaults) {
      settings.set(target, settings.effective(source));
    } else if (const Value* value = settings.given(source)) {
      settings.set(target, *value);
    }
  }
}

// The appended words become "$@" of the shell's command, so that no value of a job is ever parsed by a shell.
std::vector<std::string> shell_words(const std::string& text) {
  return {"/bin/sh", "-c", text + " \"$@\"", "sh"};
}

void carry_http(Settings& settings, Path from, Path to) {
  for (const char* name : {"address", "method", "headers", "placeholders"}) {
    from.emplace_back(name);
    to.emplace_back(name);
    if (const Value* given = settings.given(from)) {
      Value value = *given;
      if (auto* text = std::get_if<std::string>(&value.data); text != nullptr && from.back() == "method") {
        std::transform(text->begin(), text->end(), text->begin(), [](unsigned char c) { return std::toupper(c); });
      }
      settings.set(to, std::move(value));
    }
    from.pop_back();
    to.pop_back();
  }
}

void carry_queue(Settings& settings, const Settings::Entry& queue) {
  const Path from{kRoot, "queues", queue.name};
  const Path to{"queues", queue.name};
  settings.add_entry({"queues"}, queue.name, queue.origin);
  carry(settings, Scope::foreign_queue, from, to, false);
  const auto worker = [&](const std::string& name) {
    return settings.given({kRoot, "queues", queue.name, "worker", name});
  };
  const Value* type = worker("type");
  if (type == nullptr) return;
  const Path own{"queues", queue.name, "worker"};
  const auto set = [&](const std::string& name, Value value) {
    Path path = own;
    path.push_back(name);
    settings.set(std::move(path), std::move(value));
  };
  const auto copy = [&](const std::string& name) {
    if (const Value* value = worker(name)) set(name, *value);
  };
  const std::string& kind = std::get<std::string>(type->data);
  set("type", {kind == "command" || kind == "http" ? kind : kind.substr(0, kind.find_first_of("_-")), type->origin});
  if (kind == "http") return carry_http(settings, {kRoot, "queues", queue.name, "worker"}, own);
  if (kind != "command") return copy("name");
  for (const char* name : {"command", "address", "name"}) {
    const Value* value = worker(name);
    if (value == nullptr || std::get<std::string>(value->data).empty()) continue;
    set("command", {shell_words(std::get<std::string>(value->data)), value->origin});
    break;
  }
}

Result<> carry_nodes(Settings& settings) {
  std::string url;
  std::optional<Value> password;
  for (const Settings::Entry& node : settings.entries({kRoot, "disque"})) {
    const Path at{kRoot, "disque", node.name};
    const auto key = [&](const char* name) {
      Path path = at;
      path.emplace_back(name);
      return path;
    };
    const std::string host = settings.text(key("host"));
    if (host.empty())
      return fail(Errc::invalid_argument, fmt::format("{}: {}: host is missing", node.origin, to_string(at)));
    url += fmt::format("{}{}:{}", url.empty() ? "disque://" : ",", host, settings.get<std::int64_t>(key("port")));
    const Value* given = settings.given(key("password"));
    if (given == nullptr) continue;
    if (password && password->data != given->data) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: different passwords for the nodes are not supported", given->origin));
    }
    password = *given;
  }
  if (url.empty()) return fail(Errc::invalid_argument, "disqontrol.disque: at least one node is needed");
  settings.set({"store"}, {url, settings.entries({kRoot, "disque"}).front().origin});
  if (password) settings.set({"password"}, *password);
  return {};
}

void carry_consumers(Settings& settings) {
  carry(settings, Scope::foreign_consumer, {kRoot, "consumer_defaults"}, {"consumer_defaults"}, true);
  if (settings.entries({kRoot, "consumers"}).empty()) return;
  settings.erase({"consumers"});
  const std::vector<Settings::Entry> groups = settings.entries({kRoot, "consumers"});
  for (const Settings::Entry& group : groups) {
    settings.add_entry({"consumers"}, group.name, group.origin);
    carry(settings, Scope::foreign_consumer, {kRoot, "consumers", group.name}, {"consumers", group.name}, false);
    if (const Value* queues = settings.given({kRoot, "consumers", group.name, "queues"})) {
      settings.set({"consumers", group.name, "queues"}, *queues);
    }
  }
}

bool is_present(const Settings& settings) {
  for (const auto& [path, value] : settings.all()) {
    if (path.front() == kRoot && path.size() > 1) return true;
  }
  return !settings.entries({kRoot, "queues"}).empty();
}

}  // namespace

Result<> translate_disqontrol(Settings& settings) {
  if (!is_present(settings)) return {};
  Result<> nodes = carry_nodes(settings);
  if (!nodes) return nodes;
  carry(settings, Scope::foreign_queue, {kRoot, "queue_defaults"}, {"defaults"}, true);
  const std::vector<Settings::Entry> queues = settings.entries({kRoot, "queues"});
  for (const Settings::Entry& queue : queues) carry_queue(settings, queue);
  carry_consumers(settings);
  if (const Value* folder = settings.given({kRoot, "log_dir"})) {
    settings.set({"log", "file"}, {std::get<std::string>(folder->data) + "/disqontrol.log", folder->origin});
  }
  settings.erase({kRoot});
  settings.set({kRoot}, {true, "disqontrol"});  // that its rules hold, e.g. for a process timeout of 0
  return {};
}

}  // namespace coworker::app
