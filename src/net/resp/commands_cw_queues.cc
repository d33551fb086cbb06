#include <limits>

#include "channel/resp/number.h"
#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"

namespace coworker::net::resp {
namespace {

constexpr std::int64_t kMaxNumber = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kMaxCount = 1'000'000;

bool read_cursor(Call& call, std::size_t word, std::uint64_t& cursor) {
  const std::optional<std::uint64_t> value = channel::resp::parse_unsigned(call.words[word]);
  if (!value) {
    call.error("ERR invalid cursor");
    return false;
  }
  cursor = *value;
  return true;
}

/// A switch that may not be given.
bool read_switch(Call& call, std::string_view text, std::optional<bool>& value) {
  if (text.empty()) return true;
  bool on = false;
  if (!read_switch(call, text, on)) return false;
  value = on;
  return true;
}

bool add_state(std::string_view name, std::vector<job::State>& states) {
  for (const job::State state : {job::State::scheduled, job::State::ready, job::State::leased}) {
    if (!same_word(name, job::to_string(state))) continue;
    states.push_back(state);
    return true;
  }
  return false;
}

}  // namespace

void run_cw_queue(Call& call) {
  if (call.words.size() == 2) return call.ask(job::QueueStat{std::string{call.words[1]}}, format_cw_queue);
  std::string_view pause_in;
  std::string_view pause_out;
  std::string_view failure_queue;
  std::int64_t weight = -1;
  std::int64_t limit = -1;
  std::int64_t group_limit = -1;
  Options options{call, 2};
  while (options.next()) {
    if (options.text("pausein", pause_in) || options.text("pauseout", pause_out) ||
        options.integer("weight", weight, 1, kMaxNumber) || options.integer("limit", limit, 0, kMaxNumber) ||
        options.integer("grouplimit", group_limit, 0, kMaxNumber) || options.text("failurequeue", failure_queue)) {
      continue;
    }
    options.unknown();
  }
  if (options.failed()) return;
  job::SetQueue set;
  set.queue = call.words[1];
  if (!read_switch(call, pause_in, set.pause_in) || !read_switch(call, pause_out, set.pause_out)) return;
  if (weight >= 0) set.weight = static_cast<std::uint32_t>(weight);
  if (limit >= 0) set.limit = static_cast<std::uint32_t>(limit);
  if (group_limit >= 0) set.group_limit = static_cast<std::uint32_t>(group_limit);
  if (failure_queue.data() != nullptr) set.failure_queue = std::string{failure_queue};
  call.ask(std::move(set), format_cw_queue);
}

void run_cw_queues(Call& call) {
  job::ScanQueues scan;
  std::int64_t count = 0;
  if (!read_cursor(call, 1, scan.cursor) || !read_integer(call, 2, "count", count, 1, kMaxCount)) return;
  scan.count = static_cast<std::uint32_t>(count);
  call.ask(scan, format_cw_queues);
}

/// cursor count, then what to look for
void run_cw_jobs(Call& call) {
  job::ScanJobs scan;
  std::int64_t count = 0;
  std::string_view word;
  if (!read_cursor(call, 1, scan.cursor) || !read_integer(call, 2, "count", count, 1, kMaxCount)) return;
  scan.count = static_cast<std::uint32_t>(count);
  Options options{call, 3};
  while (options.next()) {
    if (options.flag("dead", scan.dead) || options.flag("bodies", scan.bodies)) continue;
    if (options.text("queue", word)) {
      scan.queue = std::string{word};
    } else if (options.text("state", word)) {
      if (!add_state(word, scan.states)) options.error("ERR a state is scheduled, ready or leased");
    } else {
      options.unknown();
    }
  }
  if (options.failed()) return;
  call.session.ask(std::move(scan), format_cw_jobs, 0, Session::Kind::claim);
}

void run_cw_show(Call& call) {
  std::vector<job::JobId> ids;
  if (!read_ids(call, 1, ids)) return;
  call.ask(job::Show{ids.front()}, format_cw_show);
}

void run_cw_peek(Call& call) {
  job::Peek peek{.queue = std::string{call.words[1]}, .count = 0};
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (!read_integer(call, 2, "count", peek.count, -kMost, kMost)) return;
  call.session.ask(std::move(peek), format_cw_peek, 0, Session::Kind::claim);
}

void run_cw_purge(Call& call) {
  call.ask(job::Purge{.queue = std::string{call.words[1]}}, format_count);
}

void run_cw_stat(Call& call) {
  call.ask(job::Totals{}, format_cw_totals);
}

}  // namespace coworker::net::resp
