#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "channel/resp/encode.h"
#include "channel/resp/number.h"
#include "net/resp/glob.h"
#include "net/resp/handlers.h"

namespace coworker::net::resp {

using namespace channel::resp;

namespace {

constexpr std::int64_t kMost = 1'000'000'000;

/// "10mb" and the like: k, m, g decimal, kb, mb, gb binary.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  const std::optional<std::uint64_t> number = parse_unsigned(text.substr(0, digits));
  const std::string_view unit = digits == std::string_view::npos ? "" : text.substr(digits);
  if (!number || *number > (1ULL << 40)) return std::nullopt;
  if (unit.empty() || same_word(unit, "b")) return *number;
  if (same_word(unit, "k")) return *number * 1'000;
  if (same_word(unit, "kb")) return *number << 10;
  if (*number > (1ULL << 30)) return std::nullopt;
  if (same_word(unit, "m")) return *number * 1'000'000;
  if (same_word(unit, "mb")) return *number << 20;
  if (same_word(unit, "g")) return *number * 1'000'000'000;
  if (same_word(unit, "gb")) return *number << 30;
  return std::nullopt;
}

bool set_integer(std::string_view text, std::int64_t& value, std::int64_t lowest, std::int64_t highest) {
  const std::optional<std::int64_t> parsed = parse_integer(text);
  if (!parsed || *parsed < lowest || *parsed > highest) return false;
  value = *parsed;
  return true;
}

/// One or more groups of "class hard soft seconds"; only the class normal exists.
bool set_output_limit(std::string_view text, Settings& settings) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (words.size() != 4 || !same_word(words[0], "normal")) return false;
  const std::optional<std::uint64_t> hard = parse_size(words[1]);
  const std::optional<std::uint64_t> soft = parse_size(words[2]);
  const std::optional<std::int64_t> seconds = parse_integer(words[3]);
  if (!hard || !soft || !seconds || *seconds < 0) return false;
  settings.output = {.hard = *hard, .soft = *soft, .soft_for = Seconds{*seconds}};
  return true;
}

bool set_password(std::string_view text, Node& node) {
  node.settings.password = text;
  // Who is connected stays so, unless nobody needs a password any more.
  if (text.empty()) {
    for (const auto& [id, session] : node.sessions) session->authenticated = true;
  }
  return true;
}

/// A row of the table of settings; no `set`: it can only be looked at.
struct Row {
  std::string_view name;
  std::string (*get)(const Node&);
  bool (*set)(Node&, std::string_view);
};

constexpr Row kRows[] = {
    {"port", [](const Node& node) { return std::to_string(node.identity.port); }, nullptr},
    {"unixsocket", [](const Node& node) { return node.identity.unix_path; }, nullptr},
    {"dir", [](const Node& node) { return node.identity.directory; }, nullptr},
    {"appendonly", [](const Node&) { return std::string{"yes"}; },
     [](Node&, std::string_view text) { return same_word(text, "yes"); }},
    {"appendfsync", [](const Node& node) { return node.identity.durability; }, nullptr},
    {"requirepass", [](const Node& node) { return node.settings.password; },
     [](Node& node, std::string_view text) { return set_password(text, node); }},
    {"maxclients", [](const Node& node) { return std::to_string(node.settings.max_clients); },
     [](Node& node, std::string_view text) {
       std::int64_t value = 0;
       if (!set_integer(text, value, 1, kMost)) return false;
       node.settings.max_clients = static_cast<std::uint32_t>(value);
       return true;
     }},
    {"timeout", [](const Node& node) { return std::to_string(node.settings.idle_timeout); },
     [](Node& node, std::string_view text) { return set_integer(text, node.settings.idle_timeout, 0, kMost); }},
    {"tcp-keepalive", [](const Node& node) { return std::to_string(node.settings.tcp_keepalive); },
     [](Node& node, std::string_view text) { return set_integer(text, node.settings.tcp_keepalive, 0, 32'767); }},
    {"slowlog-log-slower-than", [](const Node& node) { return std::to_string(node.settings.slower_than); },
     [](Node& node, std::string_view text) { return set_integer(text, node.settings.slower_than, -1, kMost); }},
    {"slowlog-max-len", [](const Node& node) { return std::to_string(node.settings.slow_entries); },
     [](Node& node, std::string_view text) { return set_integer(text, node.settings.slow_entries, 0, 100'000); }},
    {"latency-monitor-threshold", [](const Node& node) { return std::to_string(node.settings.latency_threshold); },
     [](Node& node, std::string_view text) { return set_integer(text, node.settings.latency_threshold, 0, kMost); }},
    {"cluster-node-timeout", [](const Node& node) { return std::to_string(node.settings.cluster_node_timeout); },
     [](Node& node, std::string_view text) { return set_integer(text, node.settings.cluster_node_timeout, 1, kMost); }},
    {"maxmemory", [](const Node& node) { return std::to_string(node.settings.max_memory); },
     [](Node& node, std::string_view text) {
       const std::optional<std::uint64_t> size = parse_size(text);
       if (size) node.settings.max_memory = *size;
       return size.has_value();
     }},
    {"hz", [](const Node& node) { return std::to_string(node.settings.hz); },
     [](Node& node, std::string_view text) { return set_integer(text, node.settings.hz, 1, 500); }},
    {"client-output-buffer-limit",
     [](const Node& node) {
       const Settings::OutputLimit& limit = node.settings.output;
       return fmt::format("normal {} {} {}", limit.hard, limit.soft, limit.soft_for.count());
     },
     [](Node& node, std::string_view text) { return set_output_limit(text, node.settings); }},
};

void get(Call& call) {
  std::string body;
  std::size_t count = 0;
  for (const Row& row : kRows) {
    if (!glob_matches(call.words[2], row.name)) continue;
    append_bulk(body, row.name);
    append_bulk(body, row.get(call.node));
    count += 2;
  }
  std::string& out = call.reply();
  append_array(out, count);
  out.append(body);
}

void set(Call& call) {
  for (const Row& row : kRows) {
    if (!same_word(call.words[2], row.name) || row.set == nullptr) continue;
    if (row.set(call.node, call.words[3])) return call.ok();
    return call.error(fmt::format("ERR Invalid argument '{}' for CONFIG SET '{}'", call.words[3], row.name));
  }
  call.error(fmt::format("ERR Unsupported CONFIG parameter: {}", call.words[2]));
}

}  // namespace

void run_config(Call& call) {
  const std::string_view what = call.words[1];
  const std::size_t words = call.words.size();
  if (words == 3 && same_word(what, "get")) return get(call);
  if (words == 4 && same_word(what, "set")) return set(call);
  if (words == 2 && same_word(what, "resetstat")) {
    call.node.stats.reset();
    return call.ok();
  }
  if (words == 2 && same_word(what, "rewrite")) {
    return call.error("ERR The server is running without a config file of this form");
  }
  call.error("ERR CONFIG subcommand must be one of GET, SET, RESETSTAT, REWRITE, with its arguments");
}

}  // namespace coworker::net::resp
