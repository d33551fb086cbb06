#include "service/event_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "base/log.h"

namespace coworker::service {
namespace {

constexpr std::size_t kMostWaiting = 10'000;    // events; more than a store takes are dropped, and counted
constexpr std::size_t kMostAtOnce = 1'000;      // in one command
constexpr std::size_t kLongestEvent = 200'000;  // bytes; a store takes 256 KiB

log::Level level_of(EventKind kind) {
  switch (kind) {
    case EventKind::failed:
    case EventKind::crashed:
      return log::Level::error;
    case EventKind::buried:
    case EventKind::cancelled:
    case EventKind::lost:
      return log::Level::warning;
    case EventKind::progress:
      return log::Level::info;
    case EventKind::started:
    case EventKind::done:
    case EventKind::released:
      break;
  }
  return log::Level::debug;
}

}  // namespace

/// Gives the store one batch after the other.
struct EventLog::Recorder : std::enable_shared_from_this<EventLog::Recorder> {
  Recorder(async::Loop& on, store::Store& to) : loop{on}, store{to} {}

  void add(const job::JobId& id, std::string line) {
    if (waiting.size() >= kMostWaiting) {
      ++dropped;
      return;
    }
    waiting.push_back({id, std::move(line)});
    if (std::exchange(busy, true)) return;
    // With all that this turn of the loop brings.
    boost::asio::post(loop, [self = shared_from_this()] { self->send(); });
  }

  void send() {
    if (closed) return;
    if (dropped > 0) log::warning(fmt::format("{} events are missing in the history", std::exchange(dropped, 0)));
    if (waiting.empty()) {
      busy = false;
      if (const auto then = on_quiet) then();
      return;
    }
    job::Record record;
    const std::size_t count = std::min(waiting.size(), kMostAtOnce);
    const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(count);
    record.items.assign(std::make_move_iterator(waiting.begin()), std::make_move_iterator(end));
    waiting.erase(waiting.begin(), end);
    store.apply(std::move(record), [self = shared_from_this(), count](const Result<job::Answer>& answer) {
      if (self->closed) return;
      if (!answer) log::warning(fmt::format("record {} events: {}", count, answer.error().message()));
      boost::asio::post(self->loop, [self] { self->send(); });
    });
  }

  async::Loop& loop;
  store::Store& store;
  std::vector<job::Record::Item> waiting;
  std::size_t dropped = 0;
  bool busy = false;
  bool closed = false;
  std::function<void()> on_quiet;
};

EventLog::EventLog(async::Loop& loop, store::Store& store, const EventConfig& config)
    : config_{config}, has_history_{store.capabilities().history}, recorder_{std::make_shared<Recorder>(loop, store)} {
  reopen();
}

EventLog::EventLog(const EventConfig& config) : config_{config}, has_history_{false} {
  reopen();
}

EventLog::~EventLog() {
  if (recorder_) recorder_->closed = true;
}

void EventLog::reopen() {
  if (config_.file.empty()) return;
  Fd file{::open(config_.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
  if (!file) return log::error(fail_errno(errno, "open the event file '" + config_.file + "'").value().message());
  file_ = std::move(file);
}

bool EventLog::in_history(EventKind kind) const {
  if (!has_history_ || config_.history == EventConfig::History::none) return false;
  if (config_.history == EventConfig::History::all) return true;
  return kind != EventKind::started && kind != EventKind::done && kind != EventKind::released;
}

bool EventLog::wants(EventKind kind) const {
  return file_ || in_history(kind) || log::enabled(level_of(kind));
}

void EventLog::write_log(const Event& event) const {
  const log::Level level = event.level.value_or(level_of(event.kind));
  if (!log::enabled(level)) return;
  const std::string id = job::to_string(event.job);
  const std::string& what = event.reason.empty() ? event.text : event.reason;
  const std::string_view kind = event.outcome.empty() ? to_string(event.kind) : std::string_view{event.outcome};
  std::string line = fmt::format("{} {} of '{}' {}", event.task.empty() ? "job" : "task",
                                 event.task.empty() ? id : event.task, event.queue, kind);
  if (event.progress) line += fmt::format(" {:.0f} %", *event.progress * 100);
  if (!what.empty()) line += ": " + what;
  if (event.retry_in) line += fmt::format("; again in {} ms", event.retry_in->count());
  const std::string attempt = std::to_string(event.attempt);
  const std::string pid = std::to_string(event.pid);
  log::write(level, line,
             {{"job", id},
              {"original", event.original.empty() ? std::string_view{id} : std::string_view{event.original}},
              {"queue", event.queue},
              {"attempt", attempt},
              {"worker", event.worker},
              {"worker_pid", pid}});
}

void EventLog::tell(Event event) {
  event.time = wall_millis();
  write_log(event);
  const bool recorded = in_history(event.kind);
  if (!recorded && !file_) return;
  const std::string body = std::exchange(event.body, {});
  std::string line = to_json(event);
  if (recorded) {
    if (line.size() > kLongestEvent && event.certificate) {
      // Escaped bytes are up to six times as many.
      std::string& errors = event.certificate->error_output;
      errors.erase(0, errors.size() - std::min(errors.size(), kLongestEvent / 8));
      line = to_json(event);
    }
    recorder_->add(event.job, line);
  }
  if (!file_) return;
  if (config_.bodies && !body.empty()) {
    event.body = body;
    line = to_json(event);
  }
  line += '\n';
  [[maybe_unused]] const ssize_t ignored = ::write(file_.get(), line.data(), line.size());
}

bool EventLog::is_quiet() const {
  return !recorder_ || !recorder_->busy;
}

void EventLog::on_quiet(std::function<void()> then) {
  if (recorder_) recorder_->on_quiet = std::move(then);
}

}  // namespace coworker::service
