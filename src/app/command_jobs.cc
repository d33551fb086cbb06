#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "app/command_list.h"
#include "app/config_value.h"
#include "app/output.h"
#include "app/store_session.h"

namespace coworker::app {
namespace {

constexpr std::uint32_t kPage = 500;

struct Listing {
  job::ScanJobs scan;
  std::uint64_t limit = 100;  // 0: all
};

Result<Listing> listing_of(const Arguments& arguments) {
  Listing listing;
  listing.scan.count = kPage;
  listing.scan.queue = arguments.text("queue");
  listing.scan.dead = arguments.has("dead");
  listing.scan.bodies = arguments.has("bodies");
  for (const std::string& name : arguments.texts("state")) {
    bool is_known = false;
    for (const job::State state : {job::State::scheduled, job::State::ready, job::State::leased}) {
      if (name != to_string(state)) continue;
      listing.scan.states.push_back(state);
      is_known = true;
    }
    if (!is_known)
      return fail(Errc::invalid_argument, fmt::format("--state: '{}' is not one of scheduled, ready, leased", name));
  }
  if (const auto text = arguments.text("limit")) {
    const Result<std::int64_t> limit = parse_integer(*text, 0);
    if (!limit) return fail(Errc::invalid_argument, "--limit: " + limit.error().message());
    listing.limit = static_cast<std::uint64_t>(*limit);
  }
  return listing;
}

/// Calls `show` for each job once, up to the limit. A scan may see a job twice. Whether there are more.
template <class Show>
Result<bool> for_each_job(StoreSession& session, Listing listing, Show show) {
  std::set<std::string> shown;
  do {
    Result<job::Views> page = session.ask_for<job::Views>(listing.scan);
    if (!page) return tl::unexpected{std::move(page.error())};
    for (const job::View& job : page->jobs) {
      if (listing.limit != 0 && shown.size() == listing.limit) return true;
      if (shown.insert(to_string(job.id)).second) show(job);
    }
    listing.scan.cursor = page->cursor;
  } while (listing.scan.cursor != 0);
  return false;
}

}  // namespace

int run_jobs(const Arguments& arguments, const Context& context) {
  const Result<Listing> listing = listing_of(arguments);
  if (!listing) return complain_usage(listing.error().message());
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  Result<StoreSession> session = StoreSession::open(configuration->settings);
  if (!session) return complain(std::move(session.error()).wrap("open the store"));

  std::vector<std::vector<std::string>> rows;
  const Result<bool> more = for_each_job(*session, *listing, [&](const job::View& job) {
    // JSON is one object a line, so that any number of jobs can be piped on.
    if (context.json) return print_json(to_json(job));
    rows.push_back({to_string(job.id), printable(job.queue),
                    job.origin.empty() ? std::string{to_string(job.state)} : "dead", std::to_string(job.attempts),
                    age_of(job), printable(job.reason).substr(0, 60)});
    if (listing->scan.bodies) rows.back().push_back(printable(job.body).substr(0, 200));
  });
  if (!more) return complain(more.error());
  if (context.json) return kDone;
  std::vector<std::string> heading{"id", "queue", "state", "attempts", "age", "failure"};
  if (listing->scan.bodies) heading.emplace_back("body");
  print(table(heading, rows));
  if (*more) std::fputs(fmt::format("there are more than {} (--limit 0 shows all)\n", listing->limit).c_str(), stderr);
  return kDone;
}

}  // namespace coworker::app
