#include "service/state_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/process_table.h"
#include "store/url.h"

namespace coworker::service {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "supervisor-";
constexpr std::string_view kSuffix = ".json";

json::object write(const RunState::Consumer& consumer) {
  return {{"state", consumer.state},
          {"pid", consumer.pid},
          {"starts", consumer.starts},
          {"pause_ms", consumer.pause.count()},
          {"last_end", consumer.last_end}};
}

json::object write(const RunState::Group& group) {
  json::array consumers;
  for (const RunState::Consumer& consumer : group.consumers) consumers.push_back(write(consumer));
  return {{"queues", json::value_from(group.queues)},
          {"min", group.min},
          {"max", group.max},
          {"wanted", group.wanted},
          {"leaving", group.leaving},
          {"consumers", std::move(consumers)}};
}

json::object write(const RunState::LoopWorker& loop) {
  json::object out{{"name", loop.name},
                   {"id", loop.id},
                   {"state", loop.state},
                   {"pid", loop.pid},
                   {"looptime_ms", loop.looptime.count()},
                   {"forever", loop.forever},
                   {"rounds", loop.rounds},
                   {"failed_rounds", loop.failed_rounds},
                   {"restarts", loop.restarts},
                   {"pause_ms", loop.pause.count()},
                   {"last_failure", loop.last_failure},
                   {"last_exit", loop.last_exit}};
  if (loop.last_round) out["last_round_ms"] = loop.last_round->count();
  return out;
}

template <class T>
T number(const json::object& from, const char* key) {
  return json::value_to<T>(from.at(key));
}

RunState::Consumer read_consumer(const json::object& from) {
  RunState::Consumer consumer;
  consumer.state = from.at("state").as_string();
  consumer.pid = number<pid_t>(from, "pid");
  consumer.starts = number<std::uint32_t>(from, "starts");
  consumer.pause = Millis{number<std::int64_t>(from, "pause_ms")};
  consumer.last_end = from.at("last_end").as_string();
  return consumer;
}

RunState::Group read_group(const json::object& from) {
  RunState::Group group;
  group.queues = json::value_to<std::vector<std::string>>(from.at("queues"));
  group.min = number<std::uint32_t>(from, "min");
  group.max = number<std::uint32_t>(from, "max");
  group.wanted = number<std::uint32_t>(from, "wanted");
  group.leaving = from.at("leaving").as_bool();
  for (const json::value& consumer : from.at("consumers").as_array()) {
    group.consumers.push_back(read_consumer(consumer.as_object()));
  }
  return group;
}

RunState::LoopWorker read_loop(const json::object& from) {
  RunState::LoopWorker loop;
  loop.name = from.at("name").as_string();
  loop.id = from.at("id").as_string();
  loop.state = from.at("state").as_string();
  loop.pid = number<pid_t>(from, "pid");
  loop.looptime = Millis{number<std::int64_t>(from, "looptime_ms")};
  loop.forever = from.at("forever").as_bool();
  loop.rounds = number<std::uint64_t>(from, "rounds");
  loop.failed_rounds = number<std::uint64_t>(from, "failed_rounds");
  loop.restarts = number<std::uint64_t>(from, "restarts");
  loop.pause = Millis{number<std::int64_t>(from, "pause_ms")};
  loop.last_failure = from.at("last_failure").as_string();
  loop.last_exit = from.at("last_exit").as_string();
  if (from.contains("last_round_ms")) loop.last_round = Millis{number<std::int64_t>(from, "last_round_ms")};
  return loop;
}

RunState read_state(const json::object& from) {
  RunState state;
  state.pid = number<pid_t>(from, "pid");
  state.start = number<std::uint64_t>(from, "start");
  state.store = from.at("store").as_string();
  state.stopping = from.at("stopping").as_bool();
  const json::object& reload = from.at("reload").as_object();
  state.reload.count = number<std::uint64_t>(reload, "count");
  state.reload.ok = reload.at("ok").as_bool();
  state.reload.text = json::value_to<std::vector<std::string>>(reload.at("text"));
  for (const json::value& group : from.at("groups").as_array()) state.groups.push_back(read_group(group.as_object()));
  for (const json::value& loop : from.at("loops").as_array()) state.loops.push_back(read_loop(loop.as_object()));
  return state;
}

/// The process that a file names, if it lives and belongs to who wrote the file: nobody can name another's.
std::optional<RunState> read_living(const std::filesystem::path& path) {
  const std::string name = path.filename();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const Result<std::string> text = read_file(path);
  if (!text) return std::nullopt;
  Result<RunState> state = parse_state(*text);
  if (!state) return std::nullopt;
  const std::optional<proc::ProcessRow> row = proc::find_process(state->pid);
  struct stat of_file{};
  struct stat of_process{};
  if (!row || row->dead() || row->start != state->start || ::stat(path.c_str(), &of_file) < 0 ||
      ::stat(fmt::format("/proc/{}", state->pid).c_str(), &of_process) < 0 || of_file.st_uid != of_process.st_uid) {
    return std::nullopt;
  }
  return std::move(*state);
}

bool is_directory_store(const std::string& store_url) {
  const Result<store::StoreUrl> url = store::parse_url(store_url);
  return url && !url->directory.empty();
}

}  // namespace

std::string to_text(const RunState& state) {
  json::array groups;
  for (const RunState::Group& group : state.groups) groups.push_back(write(group));
  json::array loops;
  for (const RunState::LoopWorker& loop : state.loops) loops.push_back(write(loop));
  return json::serialize(json::object{{"pid", state.pid},
                                      {"start", state.start},
                                      {"store", state.store},
                                      {"stopping", state.stopping},
                                      {"reload", json::object{{"count", state.reload.count},
                                                              {"ok", state.reload.ok},
                                                              {"text", json::value_from(state.reload.text)}}},
                                      {"groups", std::move(groups)},
                                      {"loops", std::move(loops)}});
}

Result<RunState> parse_state(const std::string& text) {
  try {
    return read_state(json::parse(text).as_object());
  } catch (const std::exception& error) {
    return fail(Errc::corrupt, std::string{"read what a supervisor says of itself: "} + error.what());
  }
}

std::string state_directory(const std::string& store_url) {
  const Result<store::StoreUrl> url = store::parse_url(store_url);
  if (url && !url->directory.empty()) return url->directory;
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime != '\0') {
    return std::string{runtime} + "/coworker";
  }
  return ::geteuid() == 0 ? "/run/coworker" : fmt::format("/tmp/coworker-{}", ::geteuid());
}

std::vector<RunState> running_supervisors(const std::string& store_url) {
  std::vector<RunState> found;
  // A directory may have several names.
  const bool any_name = is_directory_store(store_url);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{state_directory(store_url), error}) {
    std::optional<RunState> state = read_living(entry.path());
    if (state && (any_name || state->store == store_url)) found.push_back(std::move(*state));
  }
  return found;
}

StateFile::StateFile(const std::string& store_url) : store_{store_url}, directory_{state_directory(store_url)} {
  file_ = fmt::format("{}/{}{}{}", directory_, kPrefix, ::getpid(), kSuffix);
}

void StateFile::prepare() {
  if (std::exchange(prepared_, true)) return;
  std::error_code error;
  if (std::filesystem::create_directories(directory_, error)) {
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, error);
  }
  for (const auto& entry : std::filesystem::directory_iterator{directory_, error}) {
    const std::string name = entry.path().filename();
    // What a killed supervisor could not take with it.
    if (name.starts_with(kPrefix) && !read_living(entry.path())) std::filesystem::remove(entry.path(), error);
  }
}

StateFile::~StateFile() {
  if (!written_.empty()) ::unlink(file_.c_str());
}

void StateFile::write(RunState state) {
  state.pid = ::getpid();
  state.store = store_;
  static const std::optional<proc::ProcessRow> self = proc::find_process(::getpid());
  state.start = self ? self->start : 0;
  std::string text = to_text(state);
  if (text == written_) return;
  prepare();
  const Result<> replaced = replace_file(file_, text, 0640, Sync::no);
  if (!replaced && !complained_) log::warning(replaced.error().message() + "; coworker reload will not find this one");
  complained_ = !replaced;
  if (replaced) written_ = std::move(text);
}

}  // namespace coworker::service
