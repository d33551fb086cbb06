#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "channel/resp/encode.h"
#include "channel/resp/number.h"
#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"
#include "net/resp/ranges.h"

namespace coworker::net::resp {

using namespace channel::resp;

namespace {

constexpr std::int64_t kMaxCount = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMaxReason = 1024;  // bytes kept

/// "id token" at `word`; answers the error itself.
bool read_job(Call& call, std::size_t word, job::JobRef& job) {
  const std::optional<job::JobId> id = job::parse_id(call.words[word]);
  if (!id) {
    call.error("BADID this is no job id");
    return false;
  }
  const std::optional<std::uint64_t> token = parse_unsigned(call.words[word + 1]);
  if (!token) {
    call.error("ERR a token is an unsigned integer");
    return false;
  }
  job = {*id, static_cast<job::Token>(*token)};
  return true;
}

/// "id token …" from a word on, for commands that end a lease or renew it.
bool read_jobs(Call& call, std::size_t from, std::vector<job::JobRef>& jobs) {
  if ((call.words.size() - from) % 2 != 0) {
    call.wrong_arity();
    return false;
  }
  jobs.resize((call.words.size() - from) / 2);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!read_job(call, from + 2 * i, jobs[i])) return false;
  }
  return true;
}

bool read_outcome(Call& call, std::string_view word, bool& crashed) {
  crashed = same_word(word, "crashed");
  if (crashed || same_word(word, "failed")) return true;
  call.error("ERR expected failed or crashed");
  return false;
}

void end_leases(Call& call, const std::vector<job::JobRef>& jobs) {
  for (const job::JobRef& job : jobs) call.node.leases.ended(job);
}

/// What CW.ADD can say beside queue and body.
struct AddOptions {
  std::int64_t delay = 0;
  std::int64_t retry = -1;
  std::int64_t ttl = 86'400;
  std::int64_t priority = 0;
  std::int64_t max_length = 0;
  std::int64_t window = 0;
  std::string_view unique;
  std::string_view group;
  std::string_view idempotency;
  std::string_view register_name;
  std::uint64_t register_value = 0;
  bool bury = false;

  bool read_one(Options& options) {
    if (options.integer("delay", delay, 0, kMaxMillis) || options.integer("retry", retry, 0, kMaxRetry) ||
        options.integer("ttl", ttl, 1, longest_ttl()) || options.integer("priority", priority, -128, 127) ||
        options.integer("maxlen", max_length, 1, kMaxCount) || options.text("unique", unique) ||
        options.text("group", group) || options.flag("bury", bury)) {
      return true;
    }
    if (options.text("idempotency", idempotency)) {
      options.next() ? read_window(options) : options.unknown();
      return true;
    }
    if (options.text("register", register_name)) {
      options.next() ? read_register(options) : options.unknown();
      return true;
    }
    return false;
  }

 private:
  void read_window(Options& options) {
    const std::optional<std::int64_t> seconds = parse_integer(options.word());
    if (!seconds || *seconds < 1 || *seconds > kMaxSeconds) {
      return options.error("ERR the window of an idempotency key is a number of seconds, 1 at least");
    }
    window = *seconds;
  }
  void read_register(Options& options) {
    const std::optional<std::uint64_t> value = parse_unsigned(options.word());
    if (!value) return options.error("ERR the value of a register is an unsigned integer");
    register_value = *value;
  }
};

/// A number that is not 0 at `word`; answers the error itself.
bool read_owner(Call& call, std::size_t word, std::uint64_t& owner) {
  owner = parse_unsigned(call.words[word]).value_or(0);
  if (owner == 0) call.error("ERR an owner is an unsigned integer, 1 at least");
  return owner != 0;
}

/// count wait-ms lease-ms queue…, from a word on
void claim_for(Call& call, std::uint64_t owner, std::size_t from) {
  std::int64_t count = 0;
  std::int64_t wait = 0;
  std::int64_t lease = 0;
  if (!read_integer(call, from, "count", count, 1, std::numeric_limits<std::int64_t>::max()) ||
      !read_integer(call, from + 1, "wait", wait, -1, kMaxMillis) ||
      !read_integer(call, from + 2, "lease", lease, 0, kMaxMillis)) {
    return;
  }
  const auto queues = call.words.subspan(from + 3);
  job::Claim claim;
  claim.owner = owner;
  claim.queues.assign(queues.begin(), queues.end());
  claim.count = static_cast<std::uint32_t>(std::min(count, kMaxCount));
  claim.fill = true;
  claim.fair = true;
  claim.lease = Millis{lease};
  if (wait >= 0 && !call.node.leaving) {
    claim.wait = Millis{wait};
    return call.session.ask_blocking(std::move(claim), format_cw_claimed, 0);
  }
  call.session.ask(std::move(claim), format_cw_claimed, wait >= 0 ? std::uint32_t{kLeavingWhenNone} : 0,
                   Session::Kind::claim);
}

/// id ttl-s … from the third word on.
void move_dead(Call& call, bool revive) {
  if (call.words.size() % 2 != 0) return call.wrong_arity();
  job::MoveDead move;
  move.queue = call.words[1];
  move.revive = revive;
  move.items.resize((call.words.size() - 2) / 2);
  for (std::size_t i = 0; i < move.items.size(); ++i) {
    const std::size_t at = 2 + 2 * i;
    const std::optional<job::JobId> id = job::parse_id(call.words[at]);
    if (!id) return call.error("BADID this is no job id");
    std::int64_t ttl = 0;
    if (!read_integer(call, at + 1, "ttl", ttl, 0, longest_ttl())) return;
    move.items[i] = {*id, Seconds{ttl}};
  }
  call.ask(std::move(move), format_cw_statuses);
}

}  // namespace

void run_cw_hello(Call& call) {
  std::string_view ignored;
  std::string_view release;
  Options options{call, 1};
  while (options.next()) {
    if (options.text("version", ignored) || options.text("build", ignored) || options.text("release", release))
      continue;
    options.unknown();
  }
  if (options.failed()) return;
  if (!release.empty() && !read_switch(call, release, call.session.releases_leases)) return;
  std::string features = store::features_of(call.node.store.capabilities());
  features += features.empty() ? "cancel" : " cancel";
  const std::string session = std::to_string(call.session.id());
  std::string& out = call.reply();
  append_array(out, 10);
  for (const std::string_view word :
       {std::string_view{"server"}, std::string_view{"coworker"}, std::string_view{"version"},
        std::string_view{call.node.identity.version}, std::string_view{"build"},
        std::string_view{call.node.identity.build}, std::string_view{"session"}, std::string_view{session},
        std::string_view{"features"}, std::string_view{features}}) {
    append_bulk(out, word);
  }
}

void run_cw_add(Call& call) {
  AddOptions given;
  Options options{call, 3};
  while (options.next()) {
    if (!given.read_one(options)) options.unknown();
  }
  if (options.failed()) return;
  if (given.delay >= given.ttl * 1000) return call.error("ERR DELAY must be less than TTL");
  if (call.node.leaving) return call.error("LEAVING this node is leaving; ask another one");
  job::Add add;
  add.queue = call.words[1];
  add.body = call.words[2];
  add.delay = Millis{given.delay};
  add.retry = Seconds{given.retry >= 0 ? given.retry : default_retry(given.ttl)};
  add.ttl = Seconds{given.ttl};
  add.priority = static_cast<std::int8_t>(given.priority);
  add.max_length = static_cast<std::uint64_t>(given.max_length);
  add.group = given.group;
  add.unique_key = given.unique;
  add.idempotency_key = given.idempotency;
  add.idempotency_window = Seconds{given.window};
  add.register_name = given.register_name;
  add.register_value = given.register_value;
  add.bury_on_expiry = given.bury;
  call.session.ask(std::move(add), format_cw_added, 0, Session::Kind::add);
}

void run_cw_claim(Call& call) {
  claim_for(call, 0, 1);
}

/// owner, then as CW.CLAIM
void run_cw_claimfor(Call& call) {
  std::uint64_t owner = 0;
  if (read_owner(call, 1, owner)) claim_for(call, owner, 2);
}

/// owner, then id token … of jobs that stay as they are
void run_cw_disown(Call& call) {
  job::Disown disown;
  if (!read_owner(call, 1, disown.owner) || !read_jobs(call, 2, disown.spared)) return;
  call.ask(std::move(disown), format_count);
}

/// session: ends the claim that waits there. 1: it got no jobs; 0: there was none, or it got some.
void run_cw_cancel(Call& call) {
  const std::optional<std::uint64_t> id = parse_unsigned(call.words[1]);
  const auto found = id ? call.node.sessions.find(*id) : call.node.sessions.end();
  if (found == call.node.sessions.end() || !found->second->blocked()) return append_integer(call.reply(), 0);
  call.ask(found->second->cancellation(), format_count);
}

void run_cw_ack(Call& call) {
  job::Ack ack;
  if (!read_jobs(call, 1, ack.jobs)) return;
  end_leases(call, ack.jobs);
  call.ask(std::move(ack), format_cw_statuses);
}

void run_cw_release(Call& call) {
  job::Release release;
  if (!read_jobs(call, 1, release.jobs)) return;
  end_leases(call, release.jobs);
  call.ask(std::move(release), format_cw_statuses);
}

void run_cw_extend(Call& call) {
  job::Extend extend;
  std::int64_t lease = 0;
  if (!read_integer(call, 1, "lease", lease, 0, kMaxMillis) || !read_jobs(call, 2, extend.jobs)) return;
  extend.lease = Millis{lease};
  call.ask(std::move(extend), format_cw_statuses);
}

void run_cw_held(Call& call) {
  job::Held held;
  if (!read_jobs(call, 1, held.jobs)) return;
  call.ask(std::move(held), format_cw_statuses);
}

/// id token delay-ms failed|crashed reason …
void run_cw_retry(Call& call) {
  if (call.words.size() % 5 != 1) return call.wrong_arity();
  job::Retry retry;
  retry.items.resize(call.words.size() / 5);
  for (std::size_t i = 0; i < retry.items.size(); ++i) {
    job::Retry::Item& item = retry.items[i];
    const std::size_t at = 1 + 5 * i;
    std::int64_t delay = 0;
    if (!read_job(call, at, item.job) || !read_integer(call, at + 2, "delay", delay, 0, kMaxMillis) ||
        !read_outcome(call, call.words[at + 3], item.crashed)) {
      return;
    }
    item.delay = Millis{delay};
    item.reason = call.words[at + 4].substr(0, kMaxReason);
  }
  for (const job::Retry::Item& item : retry.items) call.node.leases.ended(item.job);
  call.ask(std::move(retry), format_cw_statuses);
}

/// failure-queue, then id token failed|crashed reason …
void run_cw_bury(Call& call) {
  if (call.words.size() % 4 != 2) return call.wrong_arity();
  job::Bury bury;
  bury.failure_queue = call.words[1];
  bury.items.resize((call.words.size() - 2) / 4);
  for (std::size_t i = 0; i < bury.items.size(); ++i) {
    job::Bury::Item& item = bury.items[i];
    const std::size_t at = 2 + 4 * i;
    if (!read_job(call, at, item.job) || !read_outcome(call, call.words[at + 2], item.crashed)) return;
    item.reason = call.words[at + 3].substr(0, kMaxReason);
  }
  for (const job::Bury::Item& item : bury.items) call.node.leases.ended(item.job);
  call.ask(std::move(bury), format_cw_statuses);
}

void run_cw_revive(Call& call) {
  move_dead(call, true);
}

void run_cw_move(Call& call) {
  move_dead(call, false);
}

/// prefix below
void run_cw_forget(Call& call) {
  const std::optional<std::uint64_t> below = parse_unsigned(call.words[2]);
  if (!below) return call.error("ERR the value of a register is an unsigned integer");
  call.ask(job::ForgetRegisters{std::string{call.words[1]}, *below}, format_count);
}

void run_cw_nack(Call& call) {
  std::int64_t delay = 0;
  job::Enqueue nack;
  nack.nack = true;
  if (!read_integer(call, 1, "delay", delay, 0, kMaxMillis) || !read_ids(call, 2, nack.jobs)) return;
  nack.delay = Millis{delay};
  call.ask(std::move(nack), format_count);
}

}  // namespace coworker::net::resp
