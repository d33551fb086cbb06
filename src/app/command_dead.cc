#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <optional>
#include <set>

#include "app/command_list.h"
#include "app/config_value.h"
#include "app/output.h"
#include "app/store_session.h"
#include "base/time.h"
#include "job/new_job.h"

/// Dead jobs. All work goes in slices, so that a store is never busy with one request for long.
namespace coworker::app {
namespace {

constexpr std::uint32_t kSlice = 500;
constexpr Millis kProgressEvery{200};

/// Which dead jobs are meant.
struct Filter {
  std::optional<std::string> origin, failure_queue, reason;
  std::optional<Millis> older, newer;
  std::vector<job::JobId> ids;
  std::uint64_t limit = 0;  // 0: all

  bool takes(const job::View& job) const {
    const Millis age{wall_millis() - static_cast<std::int64_t>(job.created / 1'000'000)};
    return !job.origin.empty() && (!origin || job.origin == *origin) &&
           (!failure_queue || job.queue == *failure_queue) &&
           (!reason || job.reason.find(*reason) != std::string::npos) && (!older || age > *older) &&
           (!newer || age < *newer);
  }
};

Result<Filter> filter_of(const Arguments& arguments, std::uint64_t usual_limit) {
  Filter filter;
  filter.origin = arguments.text("queue");
  filter.failure_queue = arguments.text("in");
  filter.reason = arguments.text("reason");
  filter.limit = usual_limit;
  for (const auto& [flag, target] : {std::pair{"older", &filter.older}, {"newer", &filter.newer}}) {
    const auto text = arguments.text(flag);
    if (!text) continue;
    const Result<Millis> duration = parse_duration(*text);
    if (!duration) return tl::unexpected{Error{duration.error()}.wrap(fmt::format("--{}", flag))};
    *target = *duration;
  }
  if (const auto text = arguments.text("limit")) {
    const Result<std::int64_t> limit = parse_integer(*text, 0);
    if (!limit) return tl::unexpected{Error{limit.error()}.wrap("--limit")};
    filter.limit = static_cast<std::uint64_t>(*limit);
  }
  for (const std::string& text : arguments.texts("id")) {
    const std::optional<job::JobId> id = job::parse_id(text);
    if (!id) return fail(Errc::invalid_argument, fmt::format("--id: '{}' is not a job id", printable(text)));
    filter.ids.push_back(*id);
  }
  return filter;
}

/// What a command does with a slice of jobs; how many it did.
using Work = std::function<Result<std::uint64_t>(const std::vector<job::View>&)>;

class DeadJobs {
 public:
  DeadJobs(StoreSession& session, Filter filter, bool shows_progress)
      : session_{session}, filter_{std::move(filter)}, shows_progress_{shows_progress} {}

  /// Hands all that the filter takes to `work`, each job once. The number that was done.
  Result<std::uint64_t> each(bool bodies, const Work& work) {
    if (!filter_.ids.empty()) return each_named(work);
    job::ScanJobs scan;
    scan.count = kSlice;
    scan.dead = true;
    scan.bodies = bodies;
    scan.queue = filter_.failure_queue;
    do {
      Result<job::Views> page = session_.ask_for<job::Views>(scan);
      if (!page) return tl::unexpected{std::move(page.error())};
      scan.cursor = page->cursor;
      if (Result<> outcome = pass_on(std::move(page->jobs), work); !outcome) {
        return tl::unexpected{std::move(outcome.error())};
      }
    } while (scan.cursor != 0 && !is_enough());
    more_ |= is_enough() && scan.cursor != 0;
    show_progress(true);
    return done_;
  }

  bool more() const { return more_; }
  std::uint64_t done() const { return done_; }

 private:
  Result<std::uint64_t> each_named(const Work& work) {
    std::vector<job::View> jobs;
    for (const job::JobId& id : filter_.ids) {
      Result<job::View> view = session_.ask_for<job::View>(job::Show{id});
      if (!view && view.error().code() != Errc::not_found) return tl::unexpected{std::move(view.error())};
      if (!view || view->origin.empty()) {
        return fail(Errc::not_found, fmt::format("there is no dead job {}", to_string(id)));
      }
      jobs.push_back(std::move(*view));
    }
    if (Result<> outcome = pass_on(std::move(jobs), work); !outcome) return tl::unexpected{std::move(outcome.error())};
    return done_;
  }

  bool is_enough() const { return filter_.limit != 0 && seen_.size() >= filter_.limit; }

  Result<> pass_on(std::vector<job::View> jobs, const Work& work) {
    std::vector<job::View> taken;
    for (job::View& job : jobs) {
      // A scan may see a job twice.
      if (is_enough()) more_ = true;
      if (!is_enough() && filter_.takes(job) && seen_.insert(to_string(job.id)).second) taken.push_back(std::move(job));
    }
    if (taken.empty()) return {};
    const Result<std::uint64_t> done = work(taken);
    if (!done) return tl::unexpected{done.error()};
    done_ += *done;
    show_progress(false);
    return {};
  }

  void show_progress(bool is_last) {
    const auto now = std::chrono::steady_clock::now();
    if (!shows_progress_ || (!is_last && now - shown_ < kProgressEvery)) return;
    shown_ = now;
    std::fputs(fmt::format("\r{} of {} jobs{}", done_, seen_.size(), is_last ? "\n" : "").c_str(), stderr);
  }

  StoreSession& session_;
  Filter filter_;
  bool shows_progress_;
  std::set<std::string> seen_;
  std::uint64_t done_ = 0;
  bool more_ = false;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

/// Opens the store and works on what the arguments name; prints how many, as `verb`.
template <class MakeWork>
int change(const Arguments& arguments, const Context& context, bool bodies, std::string_view verb, MakeWork make_work) {
  Result<Filter> filter = filter_of(arguments, 0);
  if (!filter) return complain_usage(filter.error().message());
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  Result<StoreSession> session = StoreSession::open(configuration->settings);
  if (!session) return complain(std::move(session.error()).wrap("open the store"));
  const Work work = make_work(*session, *filter);
  if (!work) return kFailed;
  DeadJobs jobs{*session, std::move(*filter), arguments.has("progress") || ::isatty(STDERR_FILENO) != 0};
  const Result<std::uint64_t> outcome = jobs.each(bodies, work);
  if (context.json) {
    boost::json::object summary{{verb, jobs.done()}};
    if (!outcome) summary["error"] = json_text(outcome.error().message());
    print_json(summary);
  }
  if (!outcome) {
    return complain(Error{outcome.error()}.wrap(fmt::format("{} jobs were {}, then", jobs.done(), verb)));
  }
  if (!context.json) print_line(fmt::format("{} jobs were {}", *outcome, verb));
  return kDone;
}

Result<std::uint64_t> done_of(const Result<job::Statuses>& statuses) {
  if (!statuses) return tl::unexpected{statuses.error()};
  return static_cast<std::uint64_t>(statuses->done());
}

/// Adds before it removes: a crash in between leaves a dead job whose work is queued, and the next retry, within the
/// hour that the store remembers, only removes it.
Result<std::uint64_t> add_again(StoreSession& session, const std::vector<const job::View*>& jobs) {
  std::size_t open = jobs.size();
  std::optional<Error> trouble;
  job::Remove remove;
  for (const job::View* job : jobs) {
    session.store().apply(
        job::make_again(*job, job->origin, wall_millis()), [&, job](const Result<job::Answer>& answer) {
          --open;
          const auto* added = answer ? std::get_if<job::Added>(&*answer) : nullptr;
          if (added != nullptr && job::is_stored(*added)) {
            remove.jobs.push_back(job->id);
          } else if (!trouble) {
            trouble = added == nullptr ? answer.error() : job::refusal(*added, printable(job->origin));
          }
        });
  }
  session.run_until([&] { return open == 0; });
  Result<std::uint64_t> count = remove.jobs.size();
  if (!remove.jobs.empty()) {
    const Result<job::Statuses> removed = session.ask_for<job::Statuses>(std::move(remove));
    if (!removed) count = tl::unexpected{removed.error()};
  }
  if (trouble) return tl::unexpected{*trouble};
  return count;
}

/// Under the same id where the store can do that, and where the job carries no count of earlier lives.
Result<std::uint64_t> retry_slice(StoreSession& session, const std::vector<job::View>& jobs) {
  job::MoveDead revive;
  std::vector<const job::View*> others;
  for (const job::View& job : jobs) {
    // Whoever consumes the failure queue has it.
    if (job.state == job::State::leased) continue;
    if (session.store().capabilities().revival && job::can_be_revived(job)) {
      revive.items.push_back({job.id, job::lifetime_of(job)});
    } else {
      others.push_back(&job);
    }
  }
  std::uint64_t done = 0;
  if (!revive.items.empty()) {
    const Result<std::uint64_t> revived = done_of(session.ask_for<job::Statuses>(std::move(revive)));
    if (!revived) return revived;
    done += *revived;
  }
  const Result<std::uint64_t> added = add_again(session, others);
  if (!added) return added;
  return done + *added;
}

Result<std::uint64_t> move_slice(StoreSession& session, const std::vector<job::View>& jobs, const std::string& target) {
  job::MoveDead move;
  move.queue = target;
  move.revive = false;
  for (const job::View& job : jobs) {
    if (job.state != job::State::leased && job.queue != target) move.items.push_back({job.id, Seconds{0}});
  }
  return move.items.empty() ? Result<std::uint64_t>{0} : done_of(session.ask_for<job::Statuses>(std::move(move)));
}

Result<std::uint64_t> purge_slice(StoreSession& session, const std::vector<job::View>& jobs) {
  job::Remove remove;
  for (const job::View& job : jobs) {
    if (job.state != job::State::leased) remove.jobs.push_back(job.id);
  }
  return remove.jobs.empty() ? Result<std::uint64_t>{0} : done_of(session.ask_for<job::Statuses>(std::move(remove)));
}

bool confirm(StoreSession& session, const Filter& filter) {
  std::uint64_t count = 0;
  DeadJobs jobs{session, filter, false};
  const Result<std::uint64_t> counted = jobs.each(false, [&](const std::vector<job::View>& slice) {
    count += slice.size();
    return Result<std::uint64_t>{slice.size()};
  });
  if (!counted) return complain(counted.error()) == kDone;
  std::fputs(fmt::format("Remove {} dead jobs for good? [y/N] ", count).c_str(), stderr);
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

}  // namespace

int run_dead_list(const Arguments& arguments, const Context& context) {
  Result<Filter> filter = filter_of(arguments, 100);
  if (!filter) return complain_usage(filter.error().message());
  const std::uint64_t limit = filter->limit;
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  Result<StoreSession> session = StoreSession::open(configuration->settings);
  if (!session) return complain(std::move(session.error()).wrap("open the store"));
  const bool bodies = arguments.has("bodies");
  std::vector<std::vector<std::string>> rows;
  DeadJobs jobs{*session, std::move(*filter), false};
  const Result<std::uint64_t> outcome = jobs.each(bodies, [&](const std::vector<job::View>& slice) {
    for (const job::View& job : slice) {
      if (context.json) {
        print_json(to_json(job));
        continue;
      }
      rows.push_back({to_string(job.id), printable(job.origin), printable(job.queue), std::to_string(job.attempts),
                      age_of(job), printable(job.reason).substr(0, 80)});
      if (bodies) rows.back().push_back(printable(job.body).substr(0, 200));
    }
    return Result<std::uint64_t>{slice.size()};
  });
  if (!outcome) return complain(outcome.error());
  if (context.json) return kDone;
  std::vector<std::string> heading{"id", "queue", "lies in", "attempts", "age", "failure"};
  if (bodies) heading.emplace_back("body");
  print(table(heading, rows));
  if (jobs.more()) std::fputs(fmt::format("there are more than {} (--limit 0 shows all)\n", limit).c_str(), stderr);
  return kDone;
}

int run_dead_show(const Arguments& arguments, const Context& context) {
  const std::optional<job::JobId> id = job::parse_id(*arguments.text("ID"));
  if (!id) return complain_usage(fmt::format("'{}' is not a job id", printable(*arguments.text("ID"))));
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  {
    Result<StoreSession> session = StoreSession::open(configuration->settings);
    if (!session) return complain(std::move(session.error()).wrap("open the store"));
    const Result<job::View> view = session->ask_for<job::View>(job::Show{*id});
    if (!view || view->origin.empty()) {
      return complain(Error{Errc::not_found, fmt::format("there is no dead job {}", to_string(*id))});
    }
  }
  return run_job(arguments, context);
}

int run_dead_retry(const Arguments& arguments, const Context& context) {
  return change(arguments, context, true, "retried", [](StoreSession& session, const Filter&) -> Work {
    return [&session](const std::vector<job::View>& slice) { return retry_slice(session, slice); };
  });
}

int run_dead_move(const Arguments& arguments, const Context& context) {
  const std::optional<std::string> target = arguments.text("to");
  if (!target || target->empty()) return complain_usage("dead move needs --to QUEUE; see coworker dead move --help");
  return change(arguments, context, false, "moved", [&](StoreSession& session, const Filter&) -> Work {
    return [&](const std::vector<job::View>& slice) { return move_slice(session, slice, *target); };
  });
}

int run_dead_purge(const Arguments& arguments, const Context& context) {
  const bool asks = !arguments.has("yes");
  if (asks && ::isatty(STDIN_FILENO) == 0) return complain_usage("dead purge removes jobs for good: it needs --yes");
  return change(arguments, context, false, "removed", [&](StoreSession& session, const Filter& filter) -> Work {
    if (asks && !confirm(session, filter)) return {};
    return [&session](const std::vector<job::View>& slice) { return purge_slice(session, slice); };
  });
}

}  // namespace coworker::app
