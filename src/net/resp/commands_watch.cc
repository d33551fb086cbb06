#include <fmt/format.h>

#include <algorithm>

#include "channel/resp/encode.h"
#include "channel/resp/number.h"
#include "net/resp/handlers.h"

namespace coworker::net::resp {

using namespace channel::resp;

namespace {

void append_slow(std::string& out, const SlowLog::Entry& entry) {
  append_array(out, 4);
  append_integer(out, static_cast<std::int64_t>(entry.id));
  append_integer(out, entry.at);
  append_integer(out, entry.micros);
  append_array(out, entry.words.size());
  for (const std::string& word : entry.words) append_bulk(out, word);
}

/// One column a spike, its height the share of the highest one.
std::string graph(std::string_view name, const LatencyLog::Event& event) {
  std::int64_t low = event.spikes.front().millis;
  std::int64_t high = low;
  for (const LatencyLog::Spike& spike : event.spikes) {
    low = std::min(low, spike.millis);
    high = std::max(high, spike.millis);
  }
  constexpr std::int64_t kRows = 4;
  std::string text = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n", name, high, low, event.highest);
  text.append(80, '-').push_back('\n');
  for (std::int64_t row = kRows; row >= 1; --row) {
    for (const LatencyLog::Spike& spike : event.spikes) text.push_back(spike.millis * kRows >= high * row ? '#' : ' ');
    text.push_back('\n');
  }
  return text;
}

std::string doctor(const Node& node) {
  if (node.settings.latency_threshold == 0) {
    return "Latency is not watched. Enable it with: CONFIG SET latency-monitor-threshold <milliseconds>\n";
  }
  if (node.latency_log.events().empty()) return "No latency above the threshold was seen.\n";
  std::string text;
  for (const auto& [name, event] : node.latency_log.events()) {
    text += fmt::format("{}: {} spikes, the highest {} ms\n", name, event.spikes.size(), event.highest);
  }
  return text;
}

void append_latest(std::string& out, const LatencyLog& log) {
  append_array(out, log.events().size());
  for (const auto& [name, event] : log.events()) {
    append_array(out, 4);
    append_bulk(out, name);
    append_integer(out, event.spikes.back().at);
    append_integer(out, event.spikes.back().millis);
    append_integer(out, event.highest);
  }
}

void append_history(std::string& out, const LatencyLog& log, std::string_view name) {
  const auto found = log.events().find(name);
  if (found == log.events().end()) return append_array(out, 0);
  append_array(out, found->second.spikes.size());
  for (const LatencyLog::Spike& spike : found->second.spikes) {
    append_array(out, 2);
    append_integer(out, spike.at);
    append_integer(out, spike.millis);
  }
}

}  // namespace

void run_slowlog(Call& call) {
  SlowLog& log = call.node.slow_log;
  const std::size_t words = call.words.size();
  if (words == 2 && same_word(call.words[1], "reset")) {
    log.reset();
    return call.ok();
  }
  if (words == 2 && same_word(call.words[1], "len")) {
    return append_integer(call.reply(), static_cast<std::int64_t>(log.entries().size()));
  }
  if (words > 3 || !same_word(call.words[1], "get")) {
    return call.error("ERR unknown SLOWLOG subcommand or wrong number of arguments");
  }
  const std::optional<std::int64_t> wanted = words == 3 ? parse_integer(call.words[2]) : 10;
  if (!wanted) return call.error("ERR value is not an integer or out of range");
  const auto count =
      static_cast<std::size_t>(std::clamp<std::int64_t>(*wanted, 0, static_cast<std::int64_t>(log.entries().size())));
  std::string& out = call.reply();
  append_array(out, count);
  for (std::size_t i = 0; i < count; ++i) append_slow(out, log.entries()[i]);
}

void run_latency(Call& call) {
  LatencyLog& log = call.node.latency_log;
  const std::string_view what = call.words[1];
  const std::size_t words = call.words.size();
  if (same_word(what, "reset")) {
    std::size_t count = 0;
    if (words == 2) count = log.reset_all();
    for (const std::string_view name : call.words.subspan(2)) count += log.reset(name) ? 1 : 0;
    return append_integer(call.reply(), static_cast<std::int64_t>(count));
  }
  if (words == 2 && same_word(what, "latest")) return append_latest(call.reply(), log);
  if (words == 2 && same_word(what, "doctor")) return append_bulk(call.reply(), doctor(call.node));
  if (words == 3 && same_word(what, "history")) return append_history(call.reply(), log, call.words[2]);
  if (words == 3 && same_word(what, "graph")) {
    const auto found = log.events().find(call.words[2]);
    if (found == log.events().end()) {
      return call.error(fmt::format("ERR no samples available for event '{}'", call.words[2]));
    }
    return append_bulk(call.reply(), graph(found->first, found->second));
  }
  call.error("ERR syntax error");
}

}  // namespace coworker::net::resp
