#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The one table of what a configuration file may hold. Parsing, the errors for unknown keys, environment variables,
/// the broker's flags and docs/configuration.md all come from it.
namespace coworker::app {

enum class Kind : std::uint8_t {
  text,
  choice,  // one of `choices`
  boolean,
  integer,   // least … most
  duration,  // at least `least` milliseconds
  size,
  path,       // relative to the file it stands in
  address,    // of a store or socket: after file: and unix: a path, relative to the file it stands in
  addresses,  // a list of them; a single one is a list of one
  texts,      // a list of texts; a single text is a list of one
  pairs,      // a map of names to texts (or a list of NAME=TEXT); kept as a list of NAME=TEXT
  command,    // a list of words, or one text that is split by the shell's quoting rules; run without a shell
  shell,      // a text that /bin/sh -c runs
  secret,     // a text that is never printed
  json,       // a map, kept as the text of a JSON object
};

/// A group of keys. It may appear in several places of the file.
enum class Scope : std::uint8_t {
  root,
  broker,
  control,
  control_place,
  control_entry,
  queue,
  worker,
  consumer,
  consumer_entry,
  schedule,
  tls,
  loop,
  shared,
  civi,
  log,
  events,
  foreign_root,  // from here on: the file of Disqontrol, under its root key `disqontrol`
  foreign_node,
  foreign_queue,
  foreign_worker,
  foreign_consumer,
};

struct Key {
  Scope scope{};
  std::string_view name;
  Kind kind{};
  std::string_view fallback;  // as it would be written; empty: none
  std::string_view text;      // one sentence for the manual and --help
  std::string_view choices = {};
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

/// Where a scope's keys stand. In a pattern `*` is any name of a map, or each element of a list.
struct Place {
  Scope scope;
  std::string_view pattern;
  std::string_view inherits;  // the place whose values hold where this one has none; empty: the table's defaults
  bool list = false;          // the last `*` counts the elements of a list
  std::string_view text;
};

/// What the manual of the whole system names, and this version cannot do yet.
struct Missing {
  std::string_view pattern;  // of a key, or of a section
  std::string_view text;     // what it will be
};

std::span<const Key> keys();
std::span<const Place> places();
std::span<const Missing> missing();

/// The key that `pattern` ("queues.*.worker.type") names; nullptr when there is none.
const Key* find_key(std::string_view pattern);

/// Whether keys stand below `pattern`.
bool is_section(std::string_view pattern);

/// Whether the section is a list whose elements are maps.
bool is_list(std::string_view pattern);

/// Names that may stand directly below `pattern` ("" is the root), without `*`.
std::vector<std::string_view> names_below(std::string_view pattern);

/// The place whose pattern it is; nullptr when there is none.
const Place* find_place(std::string_view pattern);

/// "broker.listen" for ("broker", "listen"), "store" for ("", "store").
std::string join(std::string_view pattern, std::string_view name);

/// "COWORKER_BROKER_LISTEN": the environment variable of a key in a place without `*`.
std::string environment_name(std::string_view pattern);

}  // namespace coworker::app
