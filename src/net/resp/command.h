#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "job/command.h"
#include "net/resp/node.h"
#include "net/resp/session.h"

namespace coworker::net::resp {

struct Call;

enum CommandFlag : std::uint32_t {
  kWrite = 1 << 0,
  kReadOnly = 1 << 1,
  kGrows = 1 << 2,  // may need more room; Disque's "denyoom"
  kAdmin = 1 << 3,
  kNoAuth = 1 << 4,  // works before AUTH
  kHidden = 1 << 5,  // not shown to MONITOR and SLOWLOG
  kFast = 1 << 6,
  kAfterAdds = 1 << 7,  // sees queues: waits until the same connection's adds are committed
  kClaims = 1 << 8,     // its reply carries bodies: few of them at a time
};

/// A row of the command table.
struct CommandSpec {
  std::string_view name;  // in lower case
  int arity;              // words, the name included; negative: at least that many
  std::uint32_t flags;
  void (*run)(Call&);
};

/// Every command, in the order of COMMAND.
std::span<const CommandSpec> commands();

/// nullptr when there is none of that name, in whatever case.
const CommandSpec* find_command(std::string_view name);

/// One request being carried out, and the ways to answer it: exactly one of reply, error, ok, ask and hold.
struct Call {
  Node& node;
  Session& session;
  const CommandSpec& spec;
  std::span<const std::string_view> words;

  /// Answers now: the caller appends exactly one value.
  std::string& reply() { return session.reply(); }
  void error(std::string_view text);  // "CODE text"
  void ok();
  void wrong_arity();

  /// Answers when the store does, through `format`.
  void ask(job::Command command, Format format, std::uint32_t detail = 0) {
    session.ask(std::move(command), format, detail, Session::Kind::plain);
  }
};

/// ASCII letters are equal in either case; `keyword` is in lower case.
bool same_word(std::string_view word, std::string_view keyword);

}  // namespace coworker::net::resp
