#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <thread>

#include "app/command_list.h"
#include "app/output.h"
#include "app/shared_profile.h"
#include "app/store_session.h"
#include "coworker/worker_factory.h"
#include "worker/nagios.h"

namespace coworker::app {
namespace {

using worker::Health;
using worker::Verdict;

constexpr Millis kTimeout{10'000};
constexpr std::string_view kQueueSubject = "QUEUE";

int show(const Verdict& verdict) {
  print_line(verdict.output);
  return static_cast<int>(verdict.health);
}

/// What is asked for, a counter for each -m.
Result<std::vector<worker::CounterTest>> tests_of(const Arguments& arguments, std::vector<std::string> counters) {
  return worker::counter_tests(counters, arguments.texts("warning"), arguments.texts("critical"));
}

Verdict check_worker(const Arguments& arguments, Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto tests = tests_of(arguments, arguments.texts("counter"));
  if (!tests) return worker::verdict_of(Health::unknown, tests.error().message());
  Result<SharedTarget> target = shared_target(arguments);
  if (!target) return worker::verdict_of(Health::unknown, target.error().message());
  target->profile.connect_limit = timeout;
  Answer<SharedWorker> worker = WorkerFactory{target->profile}.connect(target->address);
  if (!worker) {
    const bool is_usage = worker.trouble() == Trouble::invalid;
    return worker::verdict_of(is_usage ? Health::unknown : Health::critical, worker.message());
  }
  const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
  const Answer<Status> status = worker->query(std::max(left, Millis{1}));
  if (status) return worker::judge(*status, *tests);
  return worker::verdict_of(status.trouble() == Trouble::timed_out ? Health::critical : Health::unknown,
                            status.trouble() == Trouble::timed_out ? "no status in time" : status.message());
}

Result<std::vector<job::QueueView>> queues_of(StoreSession& session, const std::string& name) {
  std::vector<job::QueueView> queues;
  job::ScanQueues scan;
  do {
    Result<job::QueuePage> page = session.ask_for<job::QueuePage>(scan);
    if (!page) return tl::unexpected{std::move(page).error()};
    for (job::QueueView& queue : page->queues) {
      const bool is_new =
          std::none_of(queues.begin(), queues.end(), [&](const auto& each) { return each.name == queue.name; });
      if (is_new && (name.empty() || queue.name == name)) queues.push_back(std::move(queue));
    }
    scan.cursor = page->cursor;
  } while (scan.cursor != 0);
  return queues;
}

/// The queue, or all queues together, as counters.
Status status_of(const std::vector<job::QueueView>& queues, const std::string& name) {
  Millis oldest{0};
  double depth = 0;
  double dead = 0;
  for (const job::QueueView& queue : queues) {
    oldest = std::max(oldest, queue.oldest_ready.value_or(Millis{0}));
    // Jobs that were buried lie in a queue of their own and wait for nobody.
    depth += static_cast<double>(queue.ready - queue.dead + queue.scheduled + queue.leased);
    dead += static_cast<double>(queue.dead);
  }
  const std::string subject = name.empty() ? fmt::format("{} queues", queues.size()) : fmt::format("'{}'", name);
  return Status{fmt::format("{}: {} jobs, {} dead, the oldest ready one waits for {}", subject, depth, dead,
                            short_duration(oldest)),
                {Counter{"age", static_cast<double>(oldest.count()) / 1000, "s", 0}, Counter{"depth", depth, "c", 0},
                 Counter{"dead", dead, "c", 0}}};
}

/// Without -m the ranges are of the age.
Verdict check_queue(const Arguments& arguments) {
  std::vector<std::string> counters = arguments.texts("counter");
  if (counters.empty() && (arguments.has("warning") || arguments.has("critical"))) counters = {"age"};
  const auto unknown = [](const Error& error) {
    return worker::verdict_of(Health::unknown, error.message(), kQueueSubject);
  };
  const auto tests = tests_of(arguments, std::move(counters));
  if (!tests) return unknown(tests.error());
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return unknown(configuration.error());
  Result<StoreSession> session = StoreSession::open(configuration->settings);
  if (!session) return worker::verdict_of(Health::critical, session.error().message(), kQueueSubject);
  const std::string name = arguments.text("queue").value_or("");
  const auto queues = queues_of(*session, name);
  if (!queues) return worker::verdict_of(Health::critical, queues.error().message(), kQueueSubject);
  return worker::judge(status_of(*queues, name), *tests, kQueueSubject);
}

/// The check on a thread of its own, which is left behind at the deadline: a store or a look-up may block.
Verdict in_time(const std::function<Verdict()>& check, Millis timeout) {
  auto promise = std::make_shared<std::promise<Verdict>>();
  std::future<Verdict> verdict = promise->get_future();
  std::thread{[promise, check] { promise->set_value(check()); }}.detach();
  if (verdict.wait_for(timeout) == std::future_status::ready) return verdict.get();
  return worker::verdict_of(Health::critical, "no answer in time");
}

}  // namespace

int run_check_shared_worker(const Arguments& arguments, const Context&) {
  const Result<Millis> timeout = timeout_of(arguments, kTimeout);
  if (!timeout) return show(worker::verdict_of(Health::unknown, timeout.error().message()));
  const std::string kind = arguments.text("check").value_or("worker");
  if (kind != "worker" && kind != "queue") {
    return show(worker::verdict_of(Health::unknown, fmt::format("--check is worker or queue, not '{}'", kind)));
  }
  if (kind == "worker" && !arguments.has("ADDRESS")) {
    return show(worker::verdict_of(Health::unknown, "the address of the worker is missing"));
  }
  const std::function<Verdict()> check =
      kind == "queue"
          ? std::function<Verdict()>{[arguments] { return check_queue(arguments); }}
          : std::function<Verdict()>{[arguments, limit = *timeout] { return check_worker(arguments, limit); }};
  const int code = show(in_time(check, *timeout + Millis{500}));
  std::fflush(stdout);
  ::_exit(code);  // whatever the check still waits for
}

}  // namespace coworker::app
