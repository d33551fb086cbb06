#include <algorithm>
#include <limits>

#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"
#include "net/resp/ranges.h"

namespace coworker::net::resp {
namespace {

constexpr std::int64_t kMaxCount = std::numeric_limits<std::uint32_t>::max();

/// Runs a command that takes nothing but ids; without any it answers 0.
template <class Command>
void run_on_ids(Call& call, Command command) {
  if (!read_ids(call, 1, command.jobs)) return;
  call.ask(std::move(command), format_count);
}

}  // namespace

void run_addjob(Call& call) {
  std::int64_t timeout = 0;
  std::int64_t replicate = 1;
  std::int64_t delay = 0;
  std::int64_t retry = -1;
  std::int64_t ttl = 86'400;
  std::int64_t max_length = 0;
  bool async = false;
  Options options{call, 4};
  while (options.next()) {
    if (options.integer("replicate", replicate, 1, 65'535) || options.integer("delay", delay, 0, kMaxSeconds) ||
        options.integer("retry", retry, 0, kMaxRetry) || options.integer("ttl", ttl, 1, longest_ttl()) ||
        options.integer("maxlen", max_length, 1, kMaxCount) || options.flag("async", async)) {
      continue;
    }
    options.unknown();
  }
  if (options.failed()) return;
  if (!read_integer(call, 3, "timeout", timeout, 0, std::numeric_limits<std::int64_t>::max())) return;
  if (retry == 0 && replicate > 1) return call.error("ERR with RETRY 0 a job must have REPLICATE 1");
  if (delay >= ttl) return call.error("ERR DELAY must be less than TTL");
  if (replicate > 1) return call.error("NOREPL not enough reachable nodes for that many copies");
  if (call.node.leaving) return call.error("NOREPL this node is leaving, and there is no other");
  job::Add add;
  add.queue = call.words[1];
  add.body = call.words[2];
  add.delay = Seconds{delay};
  add.retry = Seconds{retry >= 0 ? retry : default_retry(ttl)};
  add.ttl = Seconds{ttl};
  add.replicas = static_cast<std::uint16_t>(replicate);
  add.max_length = static_cast<std::uint64_t>(max_length);
  call.session.ask(std::move(add), format_added, 0, Session::Kind::add);
}

void run_getjob(Call& call) {
  std::int64_t timeout = 0;
  std::int64_t count = 1;
  bool no_hang = false;
  bool with_counters = false;
  job::Claim claim;
  Options options{call, 1};
  bool has_queues = false;
  while (options.next()) {
    if (options.flag("nohang", no_hang) || options.flag("withcounters", with_counters) ||
        options.flag("fill", claim.fill) || options.integer("timeout", timeout, 0, kMaxMillis) ||
        options.integer("count", count, 1, std::numeric_limits<std::int64_t>::max())) {
      continue;
    }
    if (options.flag("from", has_queues)) {
      const std::span<const std::string_view> queues = options.rest();
      claim.queues.assign(queues.begin(), queues.end());
    } else {
      options.unknown();
    }
  }
  if (options.failed()) return;
  if (claim.queues.empty()) return call.error("ERR FROM must be given, with a queue at least");
  claim.count = static_cast<std::uint32_t>(std::min(count, kMaxCount));
  std::uint32_t detail = with_counters ? kWithCounters : 0;
  if (!no_hang && !call.node.leaving) {
    claim.wait = Millis{timeout};
    return call.session.ask_blocking(std::move(claim), format_claimed, detail);
  }
  if (!no_hang) detail |= kLeavingWhenNone;
  call.session.ask(std::move(claim), format_claimed, detail, Session::Kind::claim);
}

void run_ackjob(Call& call) {
  job::Ack ack;
  if (!read_ids(call, 1, ack.jobs)) return;
  for (const job::JobRef& job : ack.jobs) call.node.leases.ended(job);
  call.ask(std::move(ack), format_count);
}

void run_deljob(Call& call) {
  run_on_ids(call, job::Remove{});
}
void run_enqueue(Call& call) {
  run_on_ids(call, job::Enqueue{});
}
void run_dequeue(Call& call) {
  run_on_ids(call, job::Dequeue{});
}

void run_nack(Call& call) {
  job::Enqueue nack;
  nack.nack = true;
  run_on_ids(call, std::move(nack));
}

void run_working(Call& call) {
  std::vector<job::JobId> ids;
  if (!read_ids(call, 1, ids)) return;
  call.ask(job::Working{ids.front()}, format_worked);
}

void run_show(Call& call) {
  std::vector<job::JobId> ids;
  if (!read_ids(call, 1, ids)) return;
  call.ask(job::Show{ids.front()}, format_show);
}

void run_loadjob(Call& call) {
  call.error("ERR LOADJOB is no command for clients");
}

}  // namespace coworker::net::resp
