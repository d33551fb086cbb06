#include "app/settings.h"

#include <fmt/format.h>

#include "app/config_value.h"
#include "base/check.h"
#include "job/json_text.h"

namespace coworker::app {
namespace {

template <class T>
Result<Value> valued(Result<T> parsed, std::string origin) {
  if (!parsed) return tl::unexpected{parsed.error()};
  return Value{std::move(*parsed), std::move(origin)};
}

bool is_choice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const std::size_t blank = choices.find(' ');
    if (choices.substr(0, blank) == text) return true;
    if (blank == std::string_view::npos) break;
    choices.remove_prefix(blank + 1);
  }
  return false;
}

std::vector<std::string_view> as_list(std::string_view choices) {
  std::vector<std::string_view> list;
  for (std::size_t at = 0; at < choices.size();) {
    const std::size_t blank = std::min(choices.find(' ', at), choices.size());
    list.push_back(choices.substr(at, blank - at));
    at = blank + 1;
  }
  return list;
}

Result<Value> parse_choice(const Key& key, std::string_view text, std::string origin) {
  if (is_choice(key.choices, text)) return Value{std::string{text}, std::move(origin)};
  const std::vector<std::string_view> choices = as_list(key.choices);
  std::string message = fmt::format("'{}' is not one of {}", text, fmt::join(choices, ", "));
  if (const std::string_view near = nearest(text, choices); !near.empty()) {
    message += fmt::format("; did you mean '{}'?", near);
  }
  return fail(Errc::invalid_argument, std::move(message));
}

Result<Value> parse_object(std::string_view text, std::string origin) {
  const std::string_view trimmed = job::trim_json(text);
  if (!trimmed.starts_with('{') || !job::check_json(trimmed)) {
    return fail(Errc::invalid_argument, fmt::format("'{}' is no JSON object", text));
  }
  return Value{std::string{trimmed}, std::move(origin)};
}

Result<Value> parse_limited_duration(const Key& key, std::string_view text, std::string origin) {
  Result<Millis> duration = parse_duration(text);
  if (duration && duration->count() < key.least) {
    return fail(Errc::invalid_argument,
                fmt::format("'{}' is too short (at least {})", text, write_duration(Millis{key.least})));
  }
  return valued(std::move(duration), std::move(origin));
}

Value nothing(Kind kind) {
  switch (kind) {
    case Kind::boolean:
      return {false, {}};
    case Kind::integer:
      return {std::int64_t{0}, {}};
    case Kind::duration:
      return {Millis{0}, {}};
    case Kind::size:
      return {std::uint64_t{0}, {}};
    case Kind::texts:
    case Kind::addresses:
    case Kind::pairs:
    case Kind::command:
      return {std::vector<std::string>{}, {}};
    case Kind::text:
    case Kind::choice:
    case Kind::path:
    case Kind::address:
    case Kind::shell:
    case Kind::secret:
    case Kind::json:
      break;
  }
  return {std::string{}, {}};
}

}  // namespace

Result<Value> parse_value(const Key& key, std::string_view text, std::string origin) {
  switch (key.kind) {
    case Kind::boolean:
      return valued(parse_boolean(text), std::move(origin));
    case Kind::integer:
      return valued(parse_integer(text, key.least, key.most), std::move(origin));
    case Kind::duration:
      return parse_limited_duration(key, text, std::move(origin));
    case Kind::size:
      return valued(parse_size(text), std::move(origin));
    case Kind::texts:
    case Kind::addresses:
    case Kind::pairs:
    case Kind::command:
      return valued(split_words(text), std::move(origin));
    case Kind::json:
      return parse_object(text, std::move(origin));
    case Kind::choice:
      return parse_choice(key, text, std::move(origin));
    case Kind::text:
    case Kind::path:
    case Kind::address:
    case Kind::shell:
    case Kind::secret:
      break;
  }
  if (text.find('\0') != std::string_view::npos) {
    return fail(Errc::invalid_argument, "a text with a NUL byte is not allowed");
  }
  return Value{std::string{text}, std::move(origin)};
}

void Settings::add_entry(const Path& section, std::string name, std::string origin) {
  std::vector<Entry>& known = entries_[section];
  for (Entry& entry : known) {
    if (entry.name == name) return;
  }
  known.push_back({std::move(name), std::move(origin)});
}

const std::vector<Settings::Entry>& Settings::entries(const Path& section) const {
  static const std::vector<Entry> none;
  const auto found = entries_.find(section);
  return found == entries_.end() ? none : found->second;
}

void Settings::erase(const Path& section) {
  const auto is_below = [&](const Path& path) {
    return path.size() >= section.size() && std::equal(section.begin(), section.end(), path.begin());
  };
  std::erase_if(values_, [&](const auto& row) { return is_below(row.first); });
  std::erase_if(entries_, [&](const auto& row) { return is_below(row.first); });
}

const Value* Settings::given(const Path& path) const {
  const auto found = values_.find(path);
  return found == values_.end() ? nullptr : &found->second;
}

Value Settings::effective(const Path& path) const {
  if (const Value* value = given(path)) return *value;
  const std::string pattern = pattern_of(path);
  const Key* key = find_key(pattern);
  CW_CHECK(key != nullptr);
  const std::size_t dot = pattern.rfind('.');
  const Place* place =
      find_place(dot == std::string::npos ? std::string_view{} : std::string_view{pattern}.substr(0, dot));
  if (place != nullptr && !place->inherits.empty()) {
    const std::string above = join(place->inherits, key->name);
    if (find_key(above) != nullptr) {
      Path inherited;
      for (std::size_t at = 0; at < above.size();) {
        const std::size_t end = std::min(above.find('.', at), above.size());
        inherited.push_back(above.substr(at, end - at));
        at = end + 1;
      }
      return effective(inherited);
    }
  }
  if (key->fallback.empty()) return nothing(key->kind);
  Result<Value> fallback = parse_value(*key, key->fallback, "default");
  CW_CHECK(fallback.has_value());
  return *fallback;
}

std::string pattern_of(const Path& path) {
  std::string pattern;
  for (const std::string& name : path) {
    const std::string plain = join(pattern, name);
    const std::string any = join(pattern, "*");
    // Below a map of names every name is one of them, also one that is spelt like a key elsewhere; elements of a list
    // are numbers, and the same section may have keys.
    const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
    const bool is_one_of_many = is_section(any) && (!is_list(pattern) || is_number);
    pattern = is_one_of_many || (find_key(plain) == nullptr && !is_section(plain)) ? any : plain;
  }
  return pattern;
}

std::string to_string(const Path& path) {
  return fmt::format("{}", fmt::join(path, "."));
}

}  // namespace coworker::app
