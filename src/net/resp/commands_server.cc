#include <fmt/format.h>
#include <sys/time.h>

#include <charconv>
#include <cmath>

#include "channel/resp/encode.h"
#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"

namespace coworker::net::resp {

using namespace channel::resp;

namespace {

/// Takes the same time wherever the two differ.
bool same_secret(std::string_view given, std::string_view wanted) {
  std::size_t difference = given.size() ^ wanted.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = wanted.empty() ? '\0' : wanted[i % wanted.size()];
    difference |= static_cast<unsigned char>(given[i] ^ other);
  }
  return difference == 0;
}

constexpr std::pair<std::uint32_t, std::string_view> kFlagNames[] = {
    {kWrite, "write"}, {kReadOnly, "readonly"},   {kGrows, "denyoom"},
    {kAdmin, "admin"}, {kHidden, "skip_monitor"}, {kFast, "fast"},
};

void append_command(std::string& out, const CommandSpec& spec) {
  append_array(out, 6);
  append_bulk(out, spec.name);
  append_integer(out, spec.arity);
  std::size_t flags = 0;
  for (const auto& [flag, name] : kFlagNames) flags += (spec.flags & flag) != 0 ? 1 : 0;
  append_array(out, flags);
  for (const auto& [flag, name] : kFlagNames) {
    if ((spec.flags & flag) != 0) append_simple(out, name);
  }
  for (int zeros = 0; zeros < 3; ++zeros) append_integer(out, 0);
}

/// Nothing is carried out for that long; the store's own time goes on.
void run_debug_sleep(Call& call) {
  const std::string_view text = call.words[2];
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || !(seconds >= 0) || seconds > 3600) {
    return call.error("ERR DEBUG SLEEP takes a number of seconds, at most 3600");
  }
  const Millis duration{std::llround(seconds * 1000)};
  const Session::Slot slot = call.session.hold(nullptr, 0, Session::Kind::plain);
  call.node.host.pause(duration);
  call.node.host.after(duration, [&session = call.session, slot] { session.complete(slot, "+OK\r\n"); });
}

}  // namespace

void run_auth(Call& call) {
  const std::string& wanted = call.node.settings.password;
  if (wanted.empty()) return call.error("ERR Client sent AUTH, but no password is set");
  call.session.authenticated = same_secret(call.words[1], wanted);
  if (!call.session.authenticated) return call.error("ERR invalid password");
  call.ok();
}

void run_ping(Call& call) {
  if (call.words.size() > 2) return call.wrong_arity();
  if (call.node.store_troubled && call.words.size() == 1) return call.ask(job::Totals{}, format_ping);
  if (call.words.size() == 2) return append_bulk(call.reply(), call.words[1]);
  append_simple(call.reply(), "PONG");
}

void run_time(Call& call) {
  timeval now{};
  ::gettimeofday(&now, nullptr);
  std::string& out = call.reply();
  append_array(out, 2);
  append_bulk_number(out, static_cast<std::uint64_t>(now.tv_sec));
  append_bulk_number(out, static_cast<std::uint64_t>(now.tv_usec));
}

void run_command(Call& call) {
  std::string& out = call.reply();
  if (call.words.size() == 1) {
    append_array(out, commands().size());
    for (const CommandSpec& spec : commands()) append_command(out, spec);
  } else if (call.words.size() == 2 && same_word(call.words[1], "count")) {
    append_integer(out, static_cast<std::int64_t>(commands().size()));
  } else if (same_word(call.words[1], "info")) {
    append_array(out, call.words.size() - 2);
    for (const std::string_view name : call.words.subspan(2)) {
      const CommandSpec* spec = find_command(name);
      if (spec == nullptr) {
        append_null_array(out);
      } else {
        append_command(out, *spec);
      }
    }
  } else {
    append_error(out, "ERR unknown subcommand or wrong number of arguments");
  }
}

void run_monitor(Call& call) {
  call.ok();
  if (std::exchange(call.session.monitor, true)) return;
  call.node.monitors.push_back(&call.session);
}

/// The journal compacts itself while it runs.
void run_bgrewriteaof(Call& call) {
  append_simple(call.reply(), "The journal is rewritten continuously");
}

void run_shutdown(Call& call) {
  if (call.words.size() > 2 || (call.words.size() == 2 && !same_word(call.words[1], "rewrite-aof"))) {
    return call.error("ERR syntax error");
  }
  call.session.finish();
  call.node.host.shut_down();
}

void run_debug(Call& call) {
  const std::string_view what = call.words[1];
  if (same_word(what, "flushall") && call.words.size() == 2) {
    unblock_all(call.node, false);
    return call.ask(job::Purge{.queue = {}, .all = true}, format_ok);
  }
  if (same_word(what, "sleep") && call.words.size() == 3) return run_debug_sleep(call);
  if (same_word(what, "error") && call.words.size() == 3) return call.error(call.words[2]);
  call.error("ERR this DEBUG subcommand is not supported, or its arguments are wrong");
}

}  // namespace coworker::net::resp
