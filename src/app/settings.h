#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/config_keys.h"
#include "base/error.h"
#include "base/time.h"

namespace coworker::app {

/// Where a value stands: {"queues", "mail", "worker", "type"}; elements of lists by their number, from "0".
using Path = std::vector<std::string>;

/// A value of a key's kind: boolean → bool, integer → int64, duration → Millis, size → uint64, the lists and
/// command → texts, all else → text. `origin` says who set it: "coworker.yml:12", "COWORKER_STORE", "--store".
struct Value {
  std::variant<bool, std::int64_t, Millis, std::uint64_t, std::string, std::vector<std::string>> data;
  std::string origin;
};

/// Reads one text (of a flag, an environment variable, a default, a scalar of a file) as a value of the key. Lists
/// are split as words. A value that is not allowed is invalid_argument.
Result<Value> parse_value(const Key& key, std::string_view text, std::string origin);

/// All that was given by files, environment and flags, and on top of the table's defaults what is in effect.
///
/// Thread safety: none; a value type.
class Settings {
 public:
  struct Entry {
    std::string name;
    std::string origin;
  };

  void set(Path path, Value value) { values_[std::move(path)] = std::move(value); }

  /// Makes an element of the map or list ("queues", "mail") known, also when nothing stands in it.
  void add_entry(const Path& section, std::string name, std::string origin);
  /// Names of the map's or list's elements, in the order of the file.
  const std::vector<Entry>& entries(const Path& section) const;
  /// Forgets all values and elements below `section`: a later file's list replaces an earlier one's.
  void erase(const Path& section);

  const Value* given(const Path& path) const;

  /// What is given there, else in the place it inherits from, else the table's default; a null variant of the kind
  /// ("" or an empty list) when there is none of these. The path must be one of the table (a bug otherwise).
  Value effective(const Path& path) const;

  template <class T>
  T get(const Path& path) const {
    return std::get<T>(effective(path).data);
  }
  std::string text(const Path& path) const { return get<std::string>(path); }

  const std::map<Path, Value>& all() const { return values_; }

 private:
  std::map<Path, Value> values_;
  std::map<Path, std::vector<Entry>> entries_;
};

/// "queues.*.worker.type" for {"queues", "mail", "worker", "type"}.
std::string pattern_of(const Path& path);

/// "queues.mail.worker.type", for messages.
std::string to_string(const Path& path);

}  // namespace coworker::app
