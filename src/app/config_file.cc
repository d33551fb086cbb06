#include "app/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <set>

#include "app/config_keys_civi.h"
#include "app/config_value.h"
#include "base/file.h"
#include "base/log.h"
#include "job/json_text.h"

namespace coworker::app {
namespace {

/// The same as JSON. What is quoted is a text, and else what YAML takes for a number or a truth is one.
std::string json_of(const YAML::Node& node) {
  std::string text;
  if (node.IsMap()) {
    for (const auto& row : node) {
      text +=
          fmt::format("{}{}:{}", text.empty() ? "" : ",", job::json_string(row.first.Scalar()), json_of(row.second));
    }
    return "{" + text + "}";
  }
  if (node.IsSequence()) {
    for (const YAML::Node& element : node) text += (text.empty() ? "" : ",") + json_of(element);
    return "[" + text + "]";
  }
  if (node.IsNull()) return "null";
  const std::string& scalar = node.Scalar();
  const bool is_quoted = node.Tag() == "!";
  return !is_quoted && job::check_json(scalar) ? scalar : job::json_string(scalar);
}

/// One reading of one file. The methods add to `errors_` and go on.
class Reader {
 public:
  Reader(const std::string& file, Settings& settings)
      : file_{file}, folder_{std::filesystem::path{file}.parent_path()}, settings_{settings} {}

  void section(const YAML::Node& node, const Path& path, const std::string& pattern);

  void error(const YAML::Mark& mark, const Path& path, std::string_view text) {
    errors_ += fmt::format("{}{}: {}{}{}", errors_.empty() ? "" : "\n", where(mark), to_string(path),
                           path.empty() ? "" : ": ", text);
  }

  const std::string& errors() const { return errors_; }

 private:
  void child(const YAML::Node& node, Path path, const std::string& pattern);
  void unknown(const YAML::Mark& mark, const Path& path, const std::string& pattern);
  void list_section(const YAML::Node& node, const Path& path, const std::string& pattern);
  void value(const YAML::Node& node, const Path& path, const Key& key, const std::string& pattern);
  void list_value(const YAML::Node& node, const Path& path, const Key& key);
  void pairs_value(const YAML::Node& node, const Path& path);
  void json_value(const YAML::Node& node, const Path& path);
  static const Key* civi_key(const std::string& name, const std::string& pattern);
  bool is_former(const YAML::Node& section, const YAML::Node& name, const Key& key) const;
  std::string resolved(Kind kind, const std::string& text) const;
  static bool is_placeholder(const YAML::Node& section, const std::string& name, const std::string& pattern);
  void add_placeholder(Path section, std::string pair, std::string origin);
  bool is_missing(const YAML::Node& node, const Path& path, const std::string& pattern);

  std::string where(const YAML::Mark& mark) const {
    return mark.is_null() ? file_ : fmt::format("{}:{}", file_, mark.line + 1);
  }

  std::string file_;
  std::filesystem::path folder_;
  Settings& settings_;
  std::string errors_;
};

bool Reader::is_missing(const YAML::Node& node, const Path& path, const std::string& pattern) {
  for (const Missing& row : missing()) {
    const std::string with_value = node.IsScalar() ? pattern + "=" + node.Scalar() : std::string{};
    if (row.pattern != pattern && row.pattern != with_value) continue;
    error(node.Mark(), path, fmt::format("not available in this version ({})", row.text));
    return true;
  }
  return false;
}

void Reader::unknown(const YAML::Mark& mark, const Path& path, const std::string& parent) {
  const std::vector<std::string_view> names = names_below(parent);
  const std::string_view near = nearest(path.back(), names);
  if (near.empty()) {
    error(mark, path, fmt::format("unknown key (known here: {})", fmt::join(names, ", ")));
  } else {
    error(mark, path, fmt::format("unknown key; did you mean '{}'?", near));
  }
}

void Reader::section(const YAML::Node& node, const Path& path, const std::string& pattern) {
  if (node.IsNull()) return;
  // What may also be a list has keys of its own when it is none.
  if (is_list(pattern) && (node.IsSequence() || find_place(pattern) == nullptr)) {
    return list_section(node, path, pattern);
  }
  if (!node.IsMap()) return error(node.Mark(), path, "a map of keys is expected here");
  std::set<std::string> seen;
  for (const auto& row : node) {
    const YAML::Node& name = row.first;
    const YAML::Node& below = row.second;
    if (!name.IsScalar()) {
      error(name.Mark(), path, "a key must be a text");
      continue;
    }
    Path at = path;
    at.push_back(name.Scalar());
    if (!seen.insert(name.Scalar()).second) {
      error(name.Mark(), at, "stands here twice");
      continue;
    }
    if (!is_list(pattern) && is_section(join(pattern, "*"))) {
      if (name.Scalar().empty()) error(name.Mark(), path, "an empty name is not allowed");
      settings_.add_entry(path, name.Scalar(), where(name.Mark()));
      section(below, at, join(pattern, "*"));
      continue;
    }
    std::string inner = join(pattern, name.Scalar());
    if (const Key* civi = civi_key(name.Scalar(), pattern); civi != nullptr) {
      at = {"civi", std::string{civi->name}};
      inner = join("civi", civi->name);
      if (is_former(node, name, *civi)) continue;
    }
    if (is_missing(below, at, inner)) continue;
    if (is_placeholder(node, name.Scalar(), pattern) && below.IsScalar()) {
      add_placeholder(path, name.Scalar() + "=" + below.Scalar(), where(name.Mark()));
      continue;
    }
    if (name.Scalar() == "*" || (find_key(inner) == nullptr && !is_section(inner))) {
      unknown(name.Mark(), at, pattern);
      continue;
    }
    if (below.IsNull() && find_key(inner) != nullptr) {
      error(name.Mark(), at, "has no value");  // the mark of a value that is not there is elsewhere
      continue;
    }
    if (at.front() == "civi") settings_.set({"civi"}, {true, where(name.Mark())});
    child(below, std::move(at), inner);
  }
}

/// A key of section civi, there or at the root, under any of its names.
const Key* Reader::civi_key(const std::string& name, const std::string& pattern) {
  if (pattern != "civi" && (!pattern.empty() || find_key(name) != nullptr || name == "web")) return nullptr;
  return find_civi_key(name);
}

/// Warns of a former name. True: its key stands there under its own name, too, which wins.
bool Reader::is_former(const YAML::Node& section, const YAML::Node& name, const Key& key) const {
  if (name.Scalar() == key.name) return false;
  log::warning(
      fmt::format("{}: '{}' is deprecated, its name is '{}' now", where(name.Mark()), name.Scalar(), key.name));
  return static_cast<bool>(section[std::string{key.name}]);
}

void Reader::json_value(const YAML::Node& node, const Path& path) {
  if (!node.IsMap()) return error(node.Mark(), path, "a map is expected here");
  settings_.set(path, {json_of(node), where(node.Mark())});
}

/// A key of an http worker that nobody but its address knows.
bool Reader::is_placeholder(const YAML::Node& section, const std::string& name, const std::string& pattern) {
  const YAML::Node address = section["address"];
  return find_key(join(pattern, "placeholders")) != nullptr && find_key(join(pattern, name)) == nullptr && address &&
         address.IsScalar() && address.Scalar().find("{" + name + "}") != std::string::npos;
}

void Reader::add_placeholder(Path section, std::string pair, std::string origin) {
  section.emplace_back("placeholders");
  Value value{std::vector<std::string>{}, std::move(origin)};
  if (const Value* known = settings_.given(section)) value.data = known->data;
  std::get<std::vector<std::string>>(value.data).push_back(std::move(pair));
  settings_.set(std::move(section), std::move(value));
}

void Reader::child(const YAML::Node& node, Path path, const std::string& pattern) {
  if (const Key* key = find_key(pattern)) {
    value(node, path, *key, pattern);
  } else {
    section(node, path, pattern);
  }
}

void Reader::list_section(const YAML::Node& node, const Path& path, const std::string& pattern) {
  if (!node.IsSequence()) return error(node.Mark(), path, "a list is expected here");
  settings_.erase(path);
  std::size_t index = 0;
  for (const YAML::Node& element : node) {
    Path at = path;
    at.push_back(std::to_string(index++));
    settings_.add_entry(path, at.back(), where(element.Mark()));
    if (element.IsMap()) {
      section(element, at, join(pattern, "*"));
    } else {
      error(element.Mark(), at, "a map of keys is expected here");
    }
  }
}

std::string Reader::resolved(Kind kind, const std::string& text) const {
  if (folder_.empty()) return text;
  const auto below = [&](std::string_view path) { return (folder_ / path).lexically_normal().string(); };
  if (kind == Kind::path) return text.empty() ? text : below(text);
  for (const std::string_view scheme : {"file://", "file:", "unix://", "unix:"}) {
    if (!text.starts_with(scheme)) continue;
    return std::string{scheme.substr(0, scheme.find(':') + 1)} + below(std::string_view{text}.substr(scheme.size()));
  }
  return text;
}

void Reader::list_value(const YAML::Node& node, const Path& path, const Key& key) {
  std::vector<std::string> texts;
  for (const YAML::Node& element : node) {
    if (!element.IsScalar()) return error(element.Mark(), path, "a list of texts is expected here");
    const bool is_address = key.kind == Kind::addresses;
    texts.push_back(is_address ? resolved(Kind::address, element.Scalar()) : element.Scalar());
    if (texts.back().find('\0') != std::string::npos) {
      return error(element.Mark(), path, "a text with a NUL byte is not allowed");
    }
  }
  settings_.set(path, {std::move(texts), where(node.Mark())});
}

void Reader::pairs_value(const YAML::Node& node, const Path& path) {
  std::vector<std::string> pairs;
  for (const auto& row : node) {
    const YAML::Node& name = row.first;
    const YAML::Node& text = row.second;
    const bool is_name = name.IsScalar() && !name.Scalar().empty() && name.Scalar().find('=') == std::string::npos;
    if (!is_name || !text.IsScalar()) return error(name.Mark(), path, "a map of names to texts is expected here");
    pairs.push_back(name.Scalar() + "=" + text.Scalar());
    if (pairs.back().find('\0') != std::string::npos) {
      return error(text.Mark(), path, "a text with a NUL byte is not allowed");
    }
  }
  // Some may stand beside the address.
  const Value* known = path.back() == "placeholders" ? settings_.given(path) : nullptr;
  if (known != nullptr) {
    const auto& beside = std::get<std::vector<std::string>>(known->data);
    pairs.insert(pairs.begin(), beside.begin(), beside.end());
  }
  settings_.set(path, {std::move(pairs), where(node.Mark())});
}

void Reader::value(const YAML::Node& node, const Path& path, const Key& key, const std::string& pattern) {
  if (is_missing(node, path, pattern)) return;
  if (key.kind == Kind::pairs && node.IsMap()) return pairs_value(node, path);
  if (key.kind == Kind::json) return json_value(node, path);
  const bool takes_list =
      key.kind == Kind::texts || key.kind == Kind::command || key.kind == Kind::addresses || key.kind == Kind::pairs;
  if (node.IsSequence() && takes_list) return list_value(node, path, key);
  if (!node.IsScalar())
    return error(node.Mark(), path, takes_list ? "a list is expected here" : "a single value is expected here");
  if (key.kind == Kind::texts || key.kind == Kind::addresses) {
    const std::string text = key.kind == Kind::addresses ? resolved(Kind::address, node.Scalar()) : node.Scalar();
    return settings_.set(path, {std::vector<std::string>{text}, where(node.Mark())});
  }
  const bool is_path = key.kind == Kind::path || key.kind == Kind::address;
  Result<Value> parsed =
      parse_value(key, is_path ? resolved(key.kind, node.Scalar()) : node.Scalar(), where(node.Mark()));
  if (!parsed) return error(node.Mark(), path, parsed.error().message());
  settings_.set(path, std::move(*parsed));
}

}  // namespace

Result<> read_config(std::string_view text, const std::string& file, Settings& settings) {
  Reader reader{file, settings};
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string{text});
    if (documents.size() > 1) {
      return fail(Errc::invalid_argument, fmt::format("{}: more than one document in a file", file));
    }
    if (!documents.empty()) reader.section(documents.front(), {}, "");
  } catch (const YAML::Exception& problem) {
    reader.error(problem.mark, {}, problem.msg);
  }
  if (!reader.errors().empty()) return fail(Errc::invalid_argument, reader.errors());
  return translate_disqontrol(settings);
}

Result<> read_config_file(const std::string& file, Settings& settings) {
  const Result<std::string> text = read_file(file);
  if (!text) return tl::unexpected{Error{text.error()}.wrap("the configuration")};
  return read_config(*text, file, settings);
}

Result<> read_environment(const std::function<const char*(const char*)>& lookup, Settings& settings) {
  for (const Place& place : places()) {
    if (place.pattern.find('*') != std::string_view::npos || place.pattern.starts_with("disqontrol")) continue;
    for (const Key& key : keys()) {
      if (key.scope != place.scope) continue;
      const std::string variable = environment_name(join(place.pattern, key.name));
      const char* text = lookup(variable.c_str());
      if (text == nullptr) continue;
      Result<Value> value = parse_value(key, text, variable);
      if (!value) return tl::unexpected{std::move(value.error()).wrap(variable)};
      Path path;
      if (!place.pattern.empty()) path.emplace_back(place.pattern);
      path.emplace_back(key.name);
      settings.set(std::move(path), std::move(*value));
    }
  }
  return {};
}

}  // namespace coworker::app
