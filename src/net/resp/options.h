#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/resp/command.h"

namespace coworker::net::resp {

/// Reads the options at the end of a request, in any order; the last of a kind counts.
///
///     Options options{call, 4};
///     while (options.next()) {
///       if (options.integer("ttl", ttl, 1, kLongest) || options.flag("async", async)) continue;
///       options.unknown();
///     }
///     if (options.failed()) return;  // the error has been answered
class Options {
 public:
  Options(Call& call, std::size_t from) : call_{call}, at_{from} {}

  /// To the next option; false at the end, and after an error.
  bool next();

  // Each is true when the current option has that name (in lower case).

  bool flag(std::string_view name, bool& value);
  bool integer(std::string_view name, std::int64_t& value, std::int64_t lowest, std::int64_t highest);
  bool text(std::string_view name, std::string_view& value);

  /// The current option's own word, for what has no name.
  std::string_view word() const { return call_.words[at_ - 1]; }

  /// The words from the next one on: for an option that takes all the rest.
  std::span<const std::string_view> rest();

  void unknown() { error("ERR syntax error"); }
  void error(std::string text);

  /// Answers the error, if there was one.
  bool failed();

 private:
  bool named(std::string_view name) const { return error_.empty() && same_word(word(), name); }

  Call& call_;
  std::size_t at_;  // behind the current option
  std::string error_;
};

/// A number among the fixed words of a request; answers the error itself when it is none or out of range.
bool read_integer(Call& call, std::size_t word, std::string_view what, std::int64_t& value, std::int64_t lowest,
                  std::int64_t highest);

/// The ids from a word on. False: one of them is no id, BADID was answered and nothing must be done.
bool read_ids(Call& call, std::size_t from, std::vector<job::JobId>& ids);
bool read_ids(Call& call, std::size_t from, std::vector<job::JobRef>& jobs);  // without tokens

/// "yes" or "no"; answers the error itself.
bool read_switch(Call& call, std::string_view text, bool& value);

}  // namespace coworker::net::resp
