#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "app/command_list.h"
#include "app/config_value.h"
#include "app/output.h"
#include "app/store_session.h"
#include "app/worker_registry.h"
#include "base/log.h"
#include "job/new_job.h"
#include "worker/add_hooks.h"

namespace coworker::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kInFlight = 2'000;  // adds under way at once
constexpr Millis kProgressEvery{200};

Result<Seconds> whole_seconds(const std::string& text) {
  Result<Millis> duration = parse_duration(text);
  if (!duration) return tl::unexpected{std::move(duration.error())};
  return std::chrono::ceil<Seconds>(*duration);
}

/// Reads a flag into `value` where it is given.
template <class T, class Parse, class Target>
Result<> read(const Arguments& arguments, const std::string& flag, Parse parse, Target& value) {
  const std::optional<std::string> text = arguments.text(flag);
  if (!text) return {};
  Result<T> parsed = parse(*text);
  if (!parsed) return tl::unexpected{std::move(parsed.error()).wrap("--" + flag)};
  value = *parsed;
  return {};
}

Result<job::NewJob> job_of(const Arguments& arguments, const Settings& settings) {
  job::NewJob job = new_job(settings, *arguments.text("QUEUE"));
  const auto& queues = settings.entries({"queues"});
  const auto is_it = [&](const Settings::Entry& entry) { return entry.name == job.queue; };
  if (!queues.empty() && std::none_of(queues.begin(), queues.end(), is_it)) {
    log::debug(fmt::format("queue '{}' is not configured", printable(job.queue)));
  }
  const auto integer = [](const std::string& text) { return parse_integer(text); };
  const auto count = [](const std::string& text) { return parse_integer(text, 1); };
  for (Result<> step : {read<Millis>(arguments, "delay", parse_duration, job.delay),
                        read<Seconds>(arguments, "ttl", whole_seconds, job.lifetime),
                        read<Seconds>(arguments, "process-timeout", whole_seconds, job.process_timeout),
                        read<Seconds>(arguments, "retry", whole_seconds, job.retry),
                        read<Seconds>(arguments, "idempotency-window", whole_seconds, job.idempotency_window),
                        read<std::int64_t>(arguments, "priority", integer, job.priority),
                        read<std::int64_t>(arguments, "max-length", count, job.max_length)}) {
    if (!step) return tl::unexpected{std::move(step.error())};
  }
  job.unique = arguments.text("unique").value_or("");
  job.group = arguments.text("group").value_or("");
  job.idempotency_key = arguments.text("idempotency-key").value_or("");
  job.metadata = arguments.text("metadata").value_or("{}");
  return job;
}

std::string_view name_of(job::Added::Outcome outcome) {
  return outcome == job::Added::Outcome::created ? "created" : "duplicate";
}

int add_one(const Configuration& configuration, job::NewJob job, const worker::Hooks& hooks, const Arguments& arguments,
            const Context& context) {
  job.body = *arguments.text("JSON");
  worker::call_before_add(hooks, job);
  const auto refused = [&](Error error) {
    worker::call_after_add(hooks, job, worker::not_added(error));
    return complain(error);
  };
  Result<job::Add> add = job::make_add(job, wall_millis());
  if (!add) return refused(add.error());
  const bool with_index = job::needs_index(*add);
  Result<StoreSession> session = StoreSession::open(configuration.settings, StoreSession::Use::one_add, with_index);
  if (!session) return refused(std::move(session.error()).wrap("open the store"));
  Result<job::Added> added = session->ask_for<job::Added>(std::move(*add));
  if (!added) return refused(std::move(added.error()).wrap("add the job"));
  worker::call_after_add(hooks, job, worker::added_of(job::Answer{*added}, job.queue));
  if (!job::is_stored(*added)) return complain(job::refusal(*added, printable(job.queue)));
  if (context.json) {
    print_json(boost::json::object{{"id", to_string(added->id)}, {"outcome", name_of(added->outcome)}});
  } else {
    print_line(to_string(added->id));
  }
  return kDone;
}

/// Adds a job for each line of standard input, many under way at once.
class LineAdder {
 public:
  LineAdder(StoreSession& session, job::NewJob job, const worker::Hooks& hooks, bool prints_ids, bool shows_progress)
      : session_{session},
        job_{std::move(job)},
        hooks_{hooks},
        prints_ids_{prints_ids},
        shows_progress_{shows_progress} {}

  /// Stops at the first line that cannot be added.
  Result<> run(std::istream& input) {
    std::string line;
    while (!trouble_ && next_line(input, line)) {
      ++line_;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      add(std::move(line));
      if (in_flight_ >= kInFlight) session_.run_until([&] { return in_flight_ < kInFlight / 2; });
      show_progress(false);
    }
    session_.run_until([&] { return in_flight_ == 0; });
    show_progress(true);
    if (trouble_) return tl::unexpected{*trouble_};
    return {};
  }

  std::uint64_t added() const { return added_; }
  std::uint64_t duplicates() const { return duplicates_; }
  Millis taken() const { return std::chrono::duration_cast<Millis>(Clock::now() - begun_); }

 private:
  // What was read is added before waiting for more: who writes the lines may wait for that.
  bool next_line(std::istream& input, std::string& line) {
    pollfd readable{STDIN_FILENO, POLLIN, 0};
    if (input.rdbuf()->in_avail() <= 0 && ::poll(&readable, 1, 0) == 0) {
      session_.run_until([&] { return in_flight_ == 0; });
      show_progress(false);
    }
    return static_cast<bool>(std::getline(input, line));
  }

  void add(std::string line) {
    job_.body = std::move(line);
    std::shared_ptr<job::NewJob> hooked;
    if (hooks_.around_adds()) {
      hooked = std::make_shared<job::NewJob>(job_);
      worker::call_before_add(hooks_, *hooked);
    }
    Result<job::Add> add = job::make_add(hooked ? *hooked : job_, wall_millis());
    if (!add) {
      if (hooked) worker::call_after_add(hooks_, *hooked, worker::not_added(add.error()));
      return fail_at(line_, add.error());
    }
    ++in_flight_;
    session_.store().apply(std::move(*add), [this, hooked, line = line_](const Result<job::Answer>& answer) {
      --in_flight_;
      if (hooked) worker::call_after_add(hooks_, *hooked, worker::added_of(answer, hooked->queue));
      if (!answer) return fail_at(line, answer.error());
      const auto& outcome = std::get<job::Added>(*answer);
      if (!job::is_stored(outcome)) return fail_at(line, job::refusal(outcome, printable(job_.queue)));
      ++(outcome.outcome == job::Added::Outcome::created ? added_ : duplicates_);
      if (prints_ids_) print_line(to_string(outcome.id));
    });
  }

  void fail_at(std::uint64_t line, const Error& error) {
    if (!trouble_ || line < trouble_line_) {
      trouble_line_ = line;
      trouble_ = Error{error.code(), fmt::format("line {}: {}", line, error.message())};
    }
  }

  void show_progress(bool is_last) {
    if (!shows_progress_ || (!is_last && Clock::now() - shown_ < kProgressEvery)) return;
    shown_ = Clock::now();
    const double seconds = static_cast<double>(std::max<Millis::rep>(taken().count(), 1)) / 1000;
    const std::string text = fmt::format("\r{} added, {:.0f} a second{}", added_ + duplicates_,
                                         static_cast<double>(added_ + duplicates_) / seconds, is_last ? "\n" : "");
    std::fputs(text.c_str(), stderr);
  }

  StoreSession& session_;
  job::NewJob job_;
  const worker::Hooks& hooks_;
  bool prints_ids_;
  bool shows_progress_;
  std::uint64_t line_ = 0;
  std::size_t in_flight_ = 0;
  std::uint64_t added_ = 0;
  std::uint64_t duplicates_ = 0;
  std::optional<Error> trouble_;
  std::uint64_t trouble_line_ = 0;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point shown_ = begun_;
};

int add_lines(const Configuration& configuration, job::NewJob job, const worker::Hooks& hooks,
              const Arguments& arguments, const Context& context) {
  job.body = "null";
  Result<job::Add> probe = job::make_add(job, wall_millis());  // options are refused before the first line is read
  if (!probe) return complain(probe.error());
  Result<StoreSession> session = StoreSession::open(configuration.settings, StoreSession::Use::many_adds);
  if (!session) return complain(std::move(session.error()).wrap("open the store"));
  std::ios::sync_with_stdio(false);
  const bool shows_progress = arguments.has("progress") || ::isatty(STDERR_FILENO) != 0;
  LineAdder adder{*session, std::move(job), hooks, arguments.has("ids"), shows_progress};
  const Result<> outcome = adder.run(std::cin);
  if (context.json) {
    boost::json::object summary{{"added", adder.added()},
                                {"duplicates", adder.duplicates()},
                                {"seconds", static_cast<double>(adder.taken().count()) / 1000}};
    if (!outcome) summary["error"] = json_text(outcome.error().message());
    print_json(summary);
  }
  const std::string counts =
      fmt::format("{} jobs were added{}", adder.added(),
                  adder.duplicates() > 0 ? fmt::format(", {} were there already", adder.duplicates()) : "");
  if (!outcome)
    return complain(Error{outcome.error().code(), fmt::format("{}; {}", outcome.error().message(), counts)});
  if (!context.json) std::fputs(fmt::format("{}\n", counts).c_str(), stderr);
  return kDone;
}

}  // namespace

int run_add(const Arguments& arguments, const Context& context) {
  const bool from_lines = arguments.has("stdin");
  if (from_lines == arguments.has("JSON")) {
    return complain_usage("add takes either a body or --stdin; see coworker add --help");
  }
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  if (Result<> logged = log::configure(log_options(configuration->settings)); !logged) return complain(logged.error());
  Result<job::NewJob> job = job_of(arguments, configuration->settings);
  if (!job) return complain_usage(job.error().message());
  const Result<worker::Registry> registry = registry_with_bootstrap(context.workers, configuration->settings);
  if (!registry) return complain(registry.error());
  const worker::Hooks& hooks = registry->hooks();
  if (from_lines) return add_lines(*configuration, std::move(*job), hooks, arguments, context);
  return add_one(*configuration, std::move(*job), hooks, arguments, context);
}

}  // namespace coworker::app
