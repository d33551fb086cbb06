#include <fmt/format.h>

#include <optional>
#include <set>

#include "api/ask.h"
#include "api/operation.h"
#include "api/options.h"
#include "api/value_json.h"
#include "api/view_json.h"
#include "base/time.h"
#include "job/new_job.h"

/// Dead jobs. All work goes in slices, so that a store is never busy with one request for long.
namespace coworker::api {
namespace {

using Answer = async::Task<Result<Value>>;

constexpr std::uint32_t kSlice = 500;
constexpr std::uint64_t kUsualLimit = 100;
const std::string kNowhere;

/// Which dead jobs are meant.
struct Filter {
  std::optional<std::string> origin, failure_queue, reason;
  std::optional<Millis> older, newer;
  std::set<std::string> ids;  // empty: all
  bool bodies = false;
  std::uint64_t limit = 0;  // 0: no limit

  bool takes(const job::View& job) const {
    const Millis age{wall_millis() - static_cast<std::int64_t>(job.created / 1'000'000)};
    return !job.origin.empty() && (!origin || job.origin == *origin) &&
           (!reason || job.reason.find(*reason) != std::string::npos) && (!older || age > *older) &&
           (!newer || age < *newer) && (ids.empty() || ids.contains(to_string(job.id)));
  }
};

Result<Filter> filter_of(Value::Array& arguments, std::uint64_t usual_limit) {
  Options options{arguments.empty() ? Value::Map{} : std::move(*arguments[0].get<Value::Map>())};
  Filter filter;
  filter.origin = options.take<std::string>("queue");
  filter.failure_queue = options.take<std::string>("in");
  filter.reason = options.take<std::string>("reason");
  filter.older = options.take_duration("older");
  filter.newer = options.take_duration("newer");
  filter.bodies = options.take<bool>("bodies").value_or(false);
  filter.limit = options.take_count("limit").value_or(usual_limit);
  for (const std::string& id : options.take_texts("ids")) {
    if (!job::parse_id(id)) options.refuse(fmt::format("'{}' is not a job id", id));
    filter.ids.insert(id);
  }
  if (Result<> read = options.check(); !read) return tl::unexpected{read.error()};
  return filter;
}

/// Walks through the dead jobs of a filter, a slice at a time; each comes once.
class Walk {
 public:
  Walk(Backend& backend, Filter filter) : backend_{backend}, filter_{std::move(filter)} {
    scan_.count = kSlice;
    scan_.dead = true;
    scan_.bodies = filter_.bodies;
    scan_.queue = filter_.failure_queue;
  }

  /// Empty after the last one.
  async::Task<Result<std::vector<job::View>>> next() {
    std::vector<job::View> slice;
    while (slice.empty() && !over_) {
      Result<job::Views> page = co_await ask_for<job::Views>(backend_, scan_);
      if (!page) co_return tl::unexpected{std::move(page.error())};
      for (job::View& job : page->jobs) {
        if (filter_.limit != 0 && seen_.size() >= filter_.limit) break;
        // A scan may see a job twice.
        if (filter_.takes(job) && seen_.insert(to_string(job.id)).second) slice.push_back(std::move(job));
      }
      scan_.cursor = page->cursor;
      over_ = scan_.cursor == 0 || (filter_.limit != 0 && seen_.size() >= filter_.limit);
    }
    co_return slice;
  }

 private:
  Backend& backend_;
  Filter filter_;
  job::ScanJobs scan_;
  std::set<std::string> seen_;
  bool over_ = false;
};

using Work = async::Task<Result<std::uint64_t>> (*)(Backend& backend, std::vector<job::View> slice, std::string target);

async::Task<Result<Value>> each(Backend& backend, Filter filter, Work work, std::string target) {
  Walk walk{backend, std::move(filter)};
  std::uint64_t done = 0;
  for (;;) {
    Result<std::vector<job::View>> slice = co_await walk.next();
    if (!slice) co_return tl::unexpected{std::move(slice.error())};
    if (slice->empty()) co_return Value{done};
    // Whoever consumes a failure queue has what is leased.
    std::erase_if(*slice, [](const job::View& job) { return job.state == job::State::leased; });
    const Result<std::uint64_t> worked = co_await work(backend, std::move(*slice), target);
    if (!worked) co_return tl::unexpected{Error{worked.error()}.wrap(fmt::format("{} jobs are done, then", done))};
    done += *worked;
  }
}

async::Task<Result<std::uint64_t>> remove_all(Backend& backend, std::vector<job::View> slice, std::string) {
  if (slice.empty()) co_return 0;
  job::Remove remove;
  for (const job::View& job : slice) remove.jobs.push_back(job.id);
  const Result<job::Statuses> removed = co_await ask_for<job::Statuses>(backend, std::move(remove));
  if (!removed) co_return tl::unexpected{removed.error()};
  co_return static_cast<std::uint64_t>(removed->done());
}

/// Adds before it removes: a crash in between leaves a dead job whose work is queued, and doing it again within an hour
/// only removes it.
async::Task<Result<std::uint64_t>> add_again(Backend& backend, std::vector<job::View> slice) {
  std::vector<job::View> added_again;
  std::optional<Error> trouble;
  for (job::View& job : slice) {
    job::Add again = job::make_again(job, job.origin, wall_millis());
    const Result<job::Added> added = co_await ask_for<job::Added>(backend, std::move(again));
    if (!added) trouble = added.error();
    if (added && !job::is_stored(*added)) trouble = job::refusal(*added, job.origin);
    if (trouble) break;
    added_again.push_back(std::move(job));
  }
  const Result<std::uint64_t> removed = co_await remove_all(backend, std::move(added_again), kNowhere);
  if (!removed) co_return removed;
  if (trouble) co_return tl::unexpected{*trouble};
  co_return *removed;
}

/// Under the same id where the store can do that and the job has no earlier life to carry.
async::Task<Result<std::uint64_t>> run_again(Backend& backend, std::vector<job::View> slice, std::string) {
  job::MoveDead revive;
  std::vector<job::View> others;
  const bool can_revive = backend.revives();
  for (job::View& job : slice) {
    if (can_revive && job::can_be_revived(job)) {
      revive.items.push_back({job.id, job::lifetime_of(job)});
    } else {
      others.push_back(std::move(job));
    }
  }
  std::uint64_t done = 0;
  if (!revive.items.empty()) {
    const Result<job::Statuses> revived = co_await ask_for<job::Statuses>(backend, std::move(revive));
    if (!revived) co_return tl::unexpected{revived.error()};
    done += static_cast<std::uint64_t>(revived->done());
  }
  const Result<std::uint64_t> added = co_await add_again(backend, std::move(others));
  if (!added) co_return added;
  co_return done + *added;
}

async::Task<Result<std::uint64_t>> move_elsewhere(Backend& backend, std::vector<job::View> slice, std::string target) {
  job::MoveDead move;
  move.revive = false;
  for (const job::View& job : slice) {
    if (job.queue != target) move.items.push_back({job.id, Seconds{0}});
  }
  if (move.items.empty()) co_return 0;
  move.queue = std::move(target);
  const Result<job::Statuses> moved = co_await ask_for<job::Statuses>(backend, std::move(move));
  if (!moved) co_return tl::unexpected{moved.error()};
  co_return static_cast<std::uint64_t>(moved->done());
}

Answer list(Backend& backend, Value::Array arguments) {
  Result<Filter> filter = filter_of(arguments, kUsualLimit);
  if (!filter) co_return tl::unexpected{filter.error()};
  Walk walk{backend, std::move(*filter)};
  Value::Array jobs;
  for (;;) {
    const Result<std::vector<job::View>> slice = co_await walk.next();
    if (!slice) co_return tl::unexpected{slice.error()};
    if (slice->empty()) co_return jobs;
    for (const job::View& job : *slice) jobs.push_back(to_value(to_json(job)));
  }
}

Answer retry(Backend& backend, Value::Array arguments) {
  Result<Filter> filter = filter_of(arguments, 0);
  if (!filter) co_return tl::unexpected{filter.error()};
  filter->bodies = true;
  Result<Value> done = co_await each(backend, std::move(*filter), run_again, kNowhere);
  co_return done;
}

Answer purge(Backend& backend, Value::Array arguments) {
  Result<Filter> filter = filter_of(arguments, 0);
  if (!filter) co_return tl::unexpected{filter.error()};
  Result<Value> done = co_await each(backend, std::move(*filter), remove_all, kNowhere);
  co_return done;
}

Answer move(Backend& backend, Value::Array arguments) {
  const std::string target = *arguments[1].get<std::string>();
  if (target.empty()) co_return fail(Errc::invalid_argument, "which queue?");
  Result<Filter> filter = filter_of(arguments, 0);
  if (!filter) co_return tl::unexpected{filter.error()};
  Result<Value> done = co_await each(backend, std::move(*filter), move_elsewhere, target);
  co_return done;
}

}  // namespace

std::vector<Operation> dead_operations() {
  const Parameter filter{"filter", Type::map};
  const std::string how =
      ". Filter: queue (they came from), in (failure queue), reason, older, newer (seconds), ids, "
      "limit; an empty one takes all";
  return {
      {"dead.list",
       "Jobs that will not be retried. Filter: as dead.retry, and bodies; limit is 100 unless given",
       Access::look,
       {{{Type::array, {}}, list}, {{Type::array, {filter}}, list}}},
      {"dead.retry", "Let dead jobs run again; how many" + how, Access::operate, {{{Type::integer, {filter}}, retry}}},
      {"dead.move",
       "Move dead jobs to another failure queue; how many" + how,
       Access::operate,
       {{{Type::integer, {filter, {"to", Type::text}}}, move}}},
      {"dead.purge",
       "Remove dead jobs for good; how many" + how,
       Access::operate,
       {{{Type::integer, {filter}}, purge}}},
  };
}

}  // namespace coworker::api
