#include "worker/loop_spec.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <exception>

namespace coworker::worker {
namespace {

namespace json = boost::json;

Millis millis(const json::value& from, const char* key) {
  return Millis{from.at(key).to_number<std::int64_t>()};
}

}  // namespace

std::string_view to_string(LoopKind kind) noexcept {
  switch (kind) {
    case LoopKind::inline_worker:
      return "inline";
    case LoopKind::command:
      return "command";
    case LoopKind::pipe:
      return "pipe";
  }
  return "unknown";
}

std::string to_text(const LoopSpec& spec) {
  return json::serialize(json::object{{"build", spec.build},
                                      {"log_level", static_cast<int>(spec.log.level)},
                                      {"log_format", static_cast<int>(spec.log.format)},
                                      {"log_file", spec.log.file},
                                      {"name", spec.name},
                                      {"id", spec.id},
                                      {"logger", spec.logger},
                                      {"kind", static_cast<int>(spec.kind)},
                                      {"worker", spec.worker},
                                      {"command", json::array(spec.command.begin(), spec.command.end())},
                                      {"looptime", spec.looptime.count()},
                                      {"jitter", spec.jitter.count()},
                                      {"paused", spec.paused},
                                      {"stop_grace", spec.stop_grace.count()},
                                      {"kill_grace", spec.kill_grace.count()}});
}

Result<LoopSpec> parse_loop_spec(const std::string& text) {
  try {
    const json::value from = json::parse(text);
    LoopSpec spec;
    spec.build = from.at("build").as_string();
    spec.log.level = static_cast<log::Level>(from.at("log_level").to_number<int>());
    spec.log.format = static_cast<log::Format>(from.at("log_format").to_number<int>());
    spec.log.file = from.at("log_file").as_string();
    spec.name = from.at("name").as_string();
    spec.id = from.at("id").as_string();
    spec.logger = from.at("logger").as_string();
    spec.kind = static_cast<LoopKind>(from.at("kind").to_number<int>());
    spec.worker = from.at("worker").as_string();
    for (const json::value& word : from.at("command").as_array()) spec.command.emplace_back(word.as_string());
    spec.looptime = millis(from, "looptime");
    spec.jitter = millis(from, "jitter");
    spec.paused = from.at("paused").as_bool();
    spec.stop_grace = millis(from, "stop_grace");
    spec.kill_grace = millis(from, "kill_grace");
    return spec;
  } catch (const std::exception& problem) {
    return fail(Errc::invalid_argument, std::string{"this command is for coworker's own use: "} + problem.what());
  }
}

}  // namespace coworker::worker
