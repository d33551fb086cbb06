#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "channel/resp/encode.h"
#include "channel/resp/number.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"

namespace coworker::net::resp {

using namespace channel::resp;

namespace {

std::int64_t seconds_since(Session::Clock::time_point then) {
  return std::chrono::duration_cast<Seconds>(Session::Clock::now() - then).count();
}

std::string describe(Session& session) {
  std::string flags;
  if (session.monitor) flags.push_back('O');
  if (session.blocked()) flags.push_back('b');
  if (session.peer().unix_socket) flags.push_back('U');
  if (flags.empty()) flags.push_back('N');
  const Peer& peer = session.peer();
  std::string line =
      fmt::format("id={} addr={} fd={} name={} age={} idle={} flags={} qbuf={} oll={} omem={} cmd={}", session.id(),
                  peer.address, session.descriptor(), session.name, seconds_since(session.connected()),
                  seconds_since(session.last_request()), flags, session.unread(), session.open_replies(),
                  session.unsent(), session.last_command() == nullptr ? "NULL" : session.last_command()->name);
  if (peer.unix_socket) line += fmt::format(" pid={} uid={}", peer.pid, peer.uid);
  return line + "\n";
}

void run_list(Call& call) {
  std::string text;
  for (const auto& [id, session] : call.node.sessions) text += describe(*session);
  append_bulk(call.reply(), text);
}

void run_set_name(Call& call) {
  for (const char c : call.words[2]) {
    if (c < '!' || c > '~') return call.error("ERR Client names cannot contain spaces, newlines or special characters");
  }
  call.session.name = call.words[2];
  call.ok();
}

void run_get_name(Call& call) {
  if (call.session.name.empty()) return append_null_bulk(call.reply());
  append_bulk(call.reply(), call.session.name);
}

/// Which clients to close.
struct Filter {
  std::string_view address;
  std::string_view type;
  std::int64_t id = -1;
  bool skip_self = true;

  bool accepts(const Session& session) const {
    return (address.empty() || address == session.peer().address) &&
           (id < 0 || session.id() == static_cast<std::uint64_t>(id));
  }
};

/// Closes them; the asking one after its reply.
std::int64_t close_all(Call& call, const Filter& filter) {
  std::vector<Session*> doomed;
  for (const auto& [id, session] : call.node.sessions) {
    if (filter.accepts(*session) && !(filter.skip_self && session == &call.session)) doomed.push_back(session);
  }
  for (Session* session : doomed) {
    if (session == &call.session) {
      session->finish();
    } else {
      session->close();
    }
  }
  return static_cast<std::int64_t>(doomed.size());
}

/// KILL ADDRESS answers OK or an error; KILL with filters how many it closed.
void run_kill(Call& call) {
  Filter filter;
  if (call.words.size() == 3) {
    filter.address = call.words[2];
    filter.skip_self = false;
    if (close_all(call, filter) == 0) return call.error("ERR No such client");
    return call.ok();
  }
  std::string_view skip = "yes";
  Options options{call, 2};
  while (options.next()) {
    if (options.integer("id", filter.id, 0, std::int64_t{1} << 62) || options.text("addr", filter.address) ||
        options.text("type", filter.type) || options.text("skipme", skip)) {
      continue;
    }
    options.unknown();
  }
  if (options.failed()) return;
  if (!filter.type.empty() && !same_word(filter.type, "normal")) {
    return call.error(fmt::format("ERR Unknown client type '{}'", filter.type));
  }
  if (!read_switch(call, skip, filter.skip_self)) return;
  const std::int64_t closed = close_all(call, filter);
  append_integer(call.reply(), closed);
}

void run_pause_clients(Call& call) {
  std::int64_t millis = 0;
  if (!read_integer(call, 2, "timeout", millis, 0, 86'400'000)) return;
  call.ok();
  call.node.host.pause(Millis{millis});
}

void run_reply_mode(Call& call) {
  if (same_word(call.words[2], "on")) {
    // The one that switches replies on is answered, whatever was before.
    call.session.silence = Session::Silence::off;
    call.session.speak();
    return call.ok();
  }
  if (same_word(call.words[2], "off")) {
    call.session.silence = Session::Silence::on;
  } else if (same_word(call.words[2], "skip")) {
    if (call.session.silence != Session::Silence::on) call.session.silence = Session::Silence::next;
  } else {
    call.error("ERR syntax error");
  }
}

}  // namespace

void run_client(Call& call) {
  const std::string_view what = call.words[1];
  const std::size_t words = call.words.size();
  if (words == 2 && same_word(what, "list")) return run_list(call);
  if (words == 2 && same_word(what, "getname")) return run_get_name(call);
  if (words == 3 && same_word(what, "setname")) return run_set_name(call);
  if (words == 3 && same_word(what, "pause")) return run_pause_clients(call);
  if (words == 3 && same_word(what, "reply")) return run_reply_mode(call);
  if (words >= 3 && same_word(what, "kill")) return run_kill(call);
  call.error("ERR Syntax error, try CLIENT (LIST | KILL | GETNAME | SETNAME | PAUSE | REPLY)");
}

}  // namespace coworker::net::resp
