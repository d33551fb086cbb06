#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/config_value.h"
#include "app/configuration.h"

namespace coworker::app {
namespace {

struct Line {
  Path path;
  Value value;
  Kind kind;
};

// Every path that has a value in effect: the table's places, with the names that this configuration has for each `*`.
std::vector<Line> lines_of(const Settings& settings) {
  std::vector<Line> lines;
  const auto add_place = [&](const Place& place, const Path& path) {
    for (const Key& key : keys()) {
      if (key.scope != place.scope) continue;
      Path at = path;
      at.emplace_back(key.name);
      Value value = settings.effective(at);
      if (!value.origin.empty()) lines.push_back({std::move(at), std::move(value), key.kind});
    }
  };
  for (const Place& place : places()) {
    if (place.pattern.starts_with("disqontrol")) continue;
    const std::size_t star = place.pattern.find('*');
    if (star == std::string_view::npos) {
      add_place(place, place.pattern.empty() ? Path{} : Path{std::string{place.pattern}});
      continue;
    }
    const std::string section{place.pattern.substr(0, star - 1)};
    for (const Settings::Entry& entry : settings.entries({section})) {
      Path path{section, entry.name};
      if (place.pattern.size() > star + 1) path.emplace_back(place.pattern.substr(star + 2));
      add_place(place, path);
    }
  }
  return lines;
}

boost::json::value to_json(const Value& value) {
  struct Visitor {
    boost::json::value operator()(bool x) const { return x; }
    boost::json::value operator()(std::int64_t x) const { return x; }
    boost::json::value operator()(std::uint64_t x) const { return x; }
    boost::json::value operator()(Millis x) const { return boost::json::string{write_duration(x)}; }
    boost::json::value operator()(const std::string& x) const { return boost::json::string{x}; }
    boost::json::value operator()(const std::vector<std::string>& x) const {
      return boost::json::array(x.begin(), x.end());
    }
  };
  return std::visit(Visitor{}, value.data);
}

}  // namespace

std::string write_value(const Value& value) {
  return boost::json::serialize(to_json(value));
}

std::string show_settings(const Settings& settings, bool json) {
  std::string out;
  boost::json::object object;
  for (const Line& line : lines_of(settings)) {
    boost::json::value value = "(secret)";
    if (line.kind != Kind::secret) value = to_json(line.value);
    if (json) {
      object[to_string(line.path)] = {{"value", value}, {"origin", line.value.origin}};
    } else {
      out += fmt::format("{}: {}  ({})\n", to_string(line.path), boost::json::serialize(value), line.value.origin);
    }
  }
  return json ? boost::json::serialize(object) + "\n" : out;
}

}  // namespace coworker::app
