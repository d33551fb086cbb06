#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>

#include "app/command_list.h"
#include "app/config_value.h"
#include "app/control_client.h"
#include "app/output.h"
#include "base/fd.h"

/// coworker top: workers, queues and rates, again and again.
namespace coworker::app {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

/// What was seen at one moment.
struct Sample {
  Clock::time_point at = Clock::now();
  json::value daemon, workers, queues, store;
};

Result<Sample> take_sample(ControlClient& client) {
  Sample sample;
  for (const auto& [method, target] : {std::pair{"daemon.status", &sample.daemon},
                                       {"worker.list", &sample.workers},
                                       {"queue.list", &sample.queues},
                                       {"store.status", &sample.store}}) {
    Result<json::value> result = client.call(method, {});
    // A daemon of loop workers alone has no store.
    if (!result && std::string_view{method}.starts_with("worker")) return tl::unexpected{std::move(result.error())};
    if (result) *target = std::move(*result);
  }
  return sample;
}

double number(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

const json::object* queue_named(const Sample& sample, const json::value& name) {
  if (!sample.queues.is_array()) return nullptr;
  for (const json::value& each : sample.queues.get_array()) {
    if (each.at("name") == name) return &each.get_object();
  }
  return nullptr;
}

/// How fast a counter grew; none before there are two samples.
std::optional<double> rate(const json::object& now, const json::object* before, const char* counter, double seconds) {
  if (before == nullptr || seconds <= 0) return std::nullopt;
  return std::max(0.0, number(now, counter) - number(*before, counter)) / seconds;
}

std::string rate_text(std::optional<double> value) {
  return value ? fmt::format("{:.1f}", *value) : "-";
}

double seconds_between(const Sample& now, const std::optional<Sample>& before) {
  return before ? std::chrono::duration<double>(now.at - before->at).count() : 0;
}

std::string queue_table(const Sample& now, const std::optional<Sample>& before) {
  const double elapsed = seconds_between(now, before);
  std::vector<std::vector<std::string>> rows;
  for (const json::value& each : now.queues.as_array()) {
    const json::object& queue = each.as_object();
    const json::object* then = before ? queue_named(*before, queue.at("name")) : nullptr;
    const json::value& oldest = queue.at("oldest_ready_ms");
    rows.push_back({printable(queue.at("name").as_string()), json::serialize(queue.at("ready")),
                    json::serialize(queue.at("scheduled")), json::serialize(queue.at("leased")),
                    json::serialize(queue.at("dead")), rate_text(rate(queue, then, "jobs_in", elapsed)),
                    rate_text(rate(queue, then, "jobs_out", elapsed)),
                    oldest.is_null() ? "-" : short_duration(Millis{oldest.to_number<std::int64_t>()}),
                    queue.at("pause_out").as_bool() ? "paused" : ""});
  }
  return table({"queue", "ready", "scheduled", "leased", "dead", "in/s", "out/s", "oldest", ""}, rows);
}

std::string picture(const Sample& now, const std::optional<Sample>& before) {
  std::string out;
  if (const json::object* daemon = now.daemon.if_object()) {
    out += fmt::format("coworker {}, process {}, up {}{}{}\n", daemon->at("version").as_string().c_str(),
                       json::serialize(daemon->at("pid")),
                       short_duration(Millis{static_cast<std::int64_t>(number(*daemon, "uptime") * 1000)}),
                       daemon->at("held").as_bool() ? ", held by the kill switch" : "",
                       daemon->at("stopping").as_bool() ? ", stopping" : "");
  }
  if (const json::object* store = now.store.if_object()) {
    const json::object* then = before ? before->store.if_object() : nullptr;
    const double elapsed = seconds_between(now, before);
    out += fmt::format("{} jobs in {} queues: {} ready, {} scheduled, {} leased; added {}/s, done {}/s\n",
                       json::serialize(store->at("jobs")), json::serialize(store->at("queues")),
                       json::serialize(store->at("ready")), json::serialize(store->at("scheduled")),
                       json::serialize(store->at("leased")), rate_text(rate(*store, then, "added", elapsed)),
                       rate_text(rate(*store, then, "acked", elapsed)));
  }
  out += "\n" + worker_table(now.workers.as_array());
  if (now.queues.is_array()) out += "\n" + queue_table(now, before);
  return out;
}

json::object to_json(const Sample& now, const std::optional<Sample>& before) {
  json::object out{{"daemon", now.daemon}, {"workers", now.workers}, {"queues", now.queues}, {"store", now.store}};
  const double elapsed = seconds_between(now, before);
  json::object rates;
  if (now.queues.is_array()) {
    for (const json::value& each : now.queues.get_array()) {
      const json::object* then = before ? queue_named(*before, each.at("name")) : nullptr;
      if (then == nullptr) continue;
      rates[each.at("name").as_string()] =
          json::object{{"in", rate(each.get_object(), then, "jobs_in", elapsed).value_or(0)},
                       {"out", rate(each.get_object(), then, "jobs_out", elapsed).value_or(0)}};
    }
  }
  out["rates"] = std::move(rates);
  return out;
}

/// The terminal while the view is on it: keys come one by one, and what stood there before comes back.
class Screen {
 public:
  Screen() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    print("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    print("\x1b[?25h\x1b[?1049l");
    std::fflush(stdout);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void show(std::string_view text) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) size = {24, 80, 0, 0};
    std::string out = "\x1b[H";
    std::size_t rows = size.ws_row - 1u;
    for (; rows > 0 && !text.empty(); --rows) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      out.append(text.substr(0, std::min<std::size_t>(end, size.ws_col))).append("\x1b[K\r\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    print(out + "\x1b[Jq: leave");
    std::fflush(stdout);
  }

 private:
  termios before_{};
};

/// Waits for the next look; false: it is to end.
class Pause {
 public:
  explicit Pause(bool keys) : keys_{keys} {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, number);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  }

  bool wait(Millis length) const {
    const Clock::time_point end = Clock::now() + length;
    for (;;) {
      const auto left = std::chrono::ceil<Millis>(end - Clock::now()).count();
      if (left <= 0) return true;
      pollfd polled[2] = {{signals_.get(), POLLIN, 0}, {keys_ ? STDIN_FILENO : -1, POLLIN, 0}};
      if (::poll(polled, 2, static_cast<int>(left)) <= 0) continue;
      if (polled[0].revents != 0) return false;
      char key = 0;
      if (polled[1].revents != 0 && (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == '\x1b')) return false;
    }
  }

 private:
  bool keys_;
  Fd signals_;
};

struct View {
  Millis interval{2'000};
  std::uint64_t count = 0;  // 0: for ever
  bool json = false;
};

Result<View> view_of(const Arguments& arguments, bool is_json, bool is_terminal) {
  View view;
  view.json = is_json;
  if (!is_terminal) view.count = 1;
  if (const auto text = arguments.text("interval")) {
    const Result<Millis> interval = parse_duration(*text);
    if (!interval) return tl::unexpected{Error{interval.error()}.wrap("--interval")};
    view.interval = std::max(*interval, Millis{50});
  }
  if (const auto text = arguments.text("count")) {
    const Result<std::int64_t> count = parse_integer(*text, 0);
    if (!count) return tl::unexpected{Error{count.error()}.wrap("--count")};
    view.count = static_cast<std::uint64_t>(*count);
  }
  return view;
}

/// Rates need two looks: who sees only some waits for the second before the first picture.
int watch(ControlClient client, const Arguments& arguments, const View& view, bool is_terminal) {
  const bool on_screen = is_terminal && !view.json && view.count == 0;
  const Pause pause{on_screen};
  std::optional<Screen> screen;
  if (on_screen) screen.emplace();
  std::optional<Sample> before;
  for (std::uint64_t shown = 0; view.count == 0 || shown < view.count;) {
    Result<Sample> now = take_sample(client);
    if (!now) {
      if (!on_screen) return complain(now.error());
      screen->show(now.error().message() + "\n");
      if (Result<ControlClient> again = ControlClient::open(arguments)) client = std::move(*again);
    } else {
      const bool waits_for_second = !on_screen && !before;
      if (on_screen) screen->show(picture(*now, before));
      if (!on_screen && !waits_for_second) {
        view.json ? print_json(to_json(*now, before)) : print(picture(*now, before));
        std::fflush(stdout);
      }
      if (!waits_for_second) ++shown;
      before = std::move(*now);
    }
    if ((view.count == 0 || shown < view.count) && !pause.wait(view.interval)) break;
  }
  return kDone;
}

}  // namespace

int run_top(const Arguments& arguments, const Context& context) {
  const bool is_terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  const Result<View> view = view_of(arguments, context.json, is_terminal);
  if (!view) return complain_usage(view.error().message());
  Result<ControlClient> client = ControlClient::open(arguments);
  if (!client) return complain(client.error());
  return watch(std::move(*client), arguments, *view, is_terminal);
}

}  // namespace coworker::app
