#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "app/command_list.h"
#include "app/output.h"
#include "app/store_session.h"

namespace coworker::app {
namespace {

constexpr std::uint32_t kPage = 1'000;

Result<std::vector<job::QueueView>> all_queues(StoreSession& session) {
  std::vector<job::QueueView> queues;
  job::ScanQueues scan;
  scan.count = kPage;
  do {
    Result<job::QueuePage> page = session.ask_for<job::QueuePage>(scan);
    if (!page) return tl::unexpected{std::move(page.error())};
    std::move(page->queues.begin(), page->queues.end(), std::back_inserter(queues));
    scan.cursor = page->cursor;
  } while (scan.cursor != 0);
  std::sort(queues.begin(), queues.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  // A scan may see a queue twice.
  queues.erase(std::unique(queues.begin(), queues.end(), [](const auto& a, const auto& b) { return a.name == b.name; }),
               queues.end());
  return queues;
}

std::string pause_of(const job::QueueView& queue) {
  if (queue.pause_in && queue.pause_out) return "in and out";
  if (queue.pause_in) return "in";
  return queue.pause_out ? "out" : "-";
}

void print_queues(const std::vector<job::QueueView>& queues) {
  std::vector<std::vector<std::string>> rows;
  for (const job::QueueView& queue : queues) {
    rows.push_back({printable(queue.name), std::to_string(queue.ready), std::to_string(queue.scheduled),
                    std::to_string(queue.leased), std::to_string(queue.dead),
                    queue.oldest_ready ? short_duration(*queue.oldest_ready) : "-", pause_of(queue)});
  }
  print(table({"queue", "ready", "scheduled", "leased", "dead", "oldest", "paused"}, rows));
}

/// Opens the store that the arguments name and hands it to `work`.
template <class Work>
int with_store(const Arguments& arguments, Work work) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  Result<StoreSession> session = StoreSession::open(configuration->settings);
  if (!session) return complain(std::move(session.error()).wrap("open the store"));
  return work(*session);
}

int set_pause(const Arguments& arguments, const Context& context, bool is_paused) {
  job::SetQueue set;
  set.queue = *arguments.text("QUEUE");
  const bool only_in = arguments.has("in");
  const bool only_out = arguments.has("out");
  if (only_in || !only_out) set.pause_in = is_paused;
  if (only_out || !only_in) set.pause_out = is_paused;
  // A pause usually is there to let consumers rest; adding goes on unless it is asked for.
  if (is_paused && !only_in && !only_out) set.pause_in.reset();
  return with_store(arguments, [&](StoreSession& session) {
    const Result<job::QueueView> queue = session.ask_for<job::QueueView>(set);
    if (!queue) return complain(queue.error());
    if (context.json) {
      print_json(to_json(*queue));
    } else {
      print_line(fmt::format("{}: paused: {}", printable(queue->name), pause_of(*queue)));
    }
    return kDone;
  });
}

}  // namespace

int run_queues(const Arguments& arguments, const Context& context) {
  return with_store(arguments, [&](StoreSession& session) {
    const Result<std::vector<job::QueueView>> queues = all_queues(session);
    if (!queues) return complain(queues.error());
    if (!context.json) {
      print_queues(*queues);
      return kDone;
    }
    boost::json::array list;
    for (const job::QueueView& queue : *queues) list.push_back(to_json(queue));
    print_json(list);
    return kDone;
  });
}

int run_list_queues(const Arguments& arguments, const Context& context) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  boost::json::array list;
  for (const Settings::Entry& queue : configuration->settings.entries({"queues"})) {
    if (context.json) {
      list.push_back(json_text(queue.name));
    } else {
      print_line(queue.name);
    }
  }
  if (context.json) print_json(list);
  return kDone;
}

int run_queue_pause(const Arguments& arguments, const Context& context) {
  return set_pause(arguments, context, true);
}

int run_queue_resume(const Arguments& arguments, const Context& context) {
  return set_pause(arguments, context, false);
}

int run_queue_purge(const Arguments& arguments, const Context& context) {
  return with_store(arguments, [&](StoreSession& session) {
    const Result<job::Count> purged = session.ask_for<job::Count>(job::Purge{*arguments.text("QUEUE"), false});
    if (!purged) return complain(purged.error());
    if (context.json) {
      print_json(boost::json::object{{"purged", purged->count}});
    } else {
      print_line(fmt::format("{} jobs removed", purged->count));
    }
    return kDone;
  });
}

}  // namespace coworker::app
