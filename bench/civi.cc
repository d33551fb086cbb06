// Tasks of a CiviCRM site, and the bare limit; prints one line of JSON.
//
//   bench_civi pipe [ITEMS BATCH PAUSE_MS]   a site as light as it can be: greets, and answers every line. It gives out
//                                            that many items, BATCH at a time, PAUSE_MS after the one before was asked
//                                            for in vain
//   bench_civi bare COUNT                    requests of one task and back, over its two pipes
//   bench_civi call COUNT                    the same through the connection
//   bench_civi tasks ITEMS BATCH             an agent with two workers runs them all; peak of memory, too
//   bench_civi latency ITEMS MS              the same, one item at a time, each due at a time of its own; MS is the
//                                            longest pause between two looks, or 0 for the shortest there is
//   bench_civi idle SECONDS                  an agent without work; CPU time of this process
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "async/spin.h"
#include "base/log.h"
#include "civi/agent.h"
#include "civi/pipe_connection.h"
#include "connection.h"
#include "proc/launch.h"
#include "proc/spawn.h"
#include "proc/strays.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;
namespace json = boost::json;

std::int64_t now_ns() {
  return Clock::now().time_since_epoch().count();
}

// ---- the site -------------------------------------------------------------------------------------

/// What a site has left to give, and when.
struct Stock {
  std::int64_t left = 0;
  std::int64_t batch = 1;
  std::int64_t pause_ms = 0;
  std::int64_t next = 0;
  std::int64_t due = 0;
  std::minstd_rand random{7};

  std::string claim() {
    std::string items;
    if (pause_ms > 0) {
      if (due == 0)
        due = now_ns() + static_cast<std::int64_t>(random() % static_cast<unsigned>(2 * pause_ms)) * 1'000'000;
      if (now_ns() < due) return "[]";
    }
    for (std::int64_t i = 0; i < batch && left > 0; ++i, --left) {
      const std::int64_t id = pause_ms > 0 ? due : ++next;
      items += (items.empty() ? R"({"id":")" : R"(,{"id":")") + std::to_string(id) + R"(","queue":"q","run_as":null})";
    }
    due = 0;
    return "[" + items + "]";
  }
};

std::string ran(std::string_view line, bool timed) {
  std::string results;
  constexpr std::string_view kMark = R"({"id":")";
  for (std::size_t at = line.find(kMark); at != std::string_view::npos; at = line.find(kMark, at + 1)) {
    const std::string_view id = line.substr(at + kMark.size(), line.find('"', at + kMark.size()) - at - kMark.size());
    if (timed) {
      std::int64_t due = 0;
      std::from_chars(id.data(), id.data() + id.size(), due);
      std::fprintf(stderr, "late %lld\n", static_cast<long long>(now_ns() - due));
    }
    results += results.empty() ? "" : ",";
    results += R"({"outcome":"ok","item":{"id":")" + std::string{id} + R"(","queue":"q"}})";
  }
  return "[" + results + "]";
}

int pipe_main(Stock stock) {
  std::string greeting = "{\"Civi::pipe\":{\"v\":\"5.81.0\",\"t\":\"trusted\",\"l\":[\"login\"]}}\n";
  std::string prefix;
  std::string input;
  if (::write(1, greeting.data(), greeting.size()) < 0) return 1;
  char part[65536];
  for (ssize_t got = 0; (got = ::read(0, part, sizeof part)) > 0;) {
    input.append(part, static_cast<std::size_t>(got));
    for (std::size_t end = input.find('\n'); end != std::string::npos; end = input.find('\n')) {
      const std::string line = input.substr(0, end);
      input.erase(0, end + 1);
      const auto has = [&](std::string_view text) { return line.find(text) != std::string::npos; };
      std::string result = "[]";
      if (has("\"options\"")) {
        prefix = "\x01\x01";
        result = R"({"responsePrefix":"\u0001\u0001","bufferSize":4194304})";
      } else if (has("claimItems")) {
        result = stock.claim();
      } else if (has("runItems")) {
        result = ran(line, stock.pause_ms > 0);
      } else if (has("getFields")) {
        result = R"([{"name":"name"}])";
      } else if (has("\"get\"") && has("\"Queue\"")) {
        result = R"([{"name":"q","lease_time":3600}])";
      }
      const std::size_t id = line.find("\"id\":") + 5;
      const std::string answer = prefix + R"({"jsonrpc":"2.0","result":)" + result + R"(,"id":)" +
                                 line.substr(id, line.find(',', id) - id) + "}\n";
      if (::write(1, answer.data(), answer.size()) < 0) return 1;
    }
  }
  return 0;
}

// ---- the limit ------------------------------------------------------------------------------------

int bare(const std::string& program, int count) {
  int to[2], from[2];
  if (::pipe2(to, O_CLOEXEC) < 0 || ::pipe2(from, O_CLOEXEC) < 0) give_up("no pipes");
  proc::Launch launch;
  launch.argv = {program, "pipe"};
  launch.environment = proc::own_environment();
  launch.fds = {to[0], from[1], 2};
  const auto process = proc::spawn(launch);
  if (!process) give_up(process.error().message());
  char part[4096];
  if (::read(from[0], part, sizeof part) <= 0) give_up("no greeting");
  const std::string request =
      R"({"jsonrpc":"2.0","id":12345,"method":"api4","params":["Queue","runItems",{"items":[{"id":"12345","queue":"q"}]}]})"
      "\n";
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    if (::write(to[1], request.data(), request.size()) < 0) give_up("it does not listen");
    ssize_t got = 0;
    do got = ::read(from[0], part, sizeof part);
    while (got > 0 && part[got - 1] != '\n');
    if (got <= 0) give_up("it does not answer");
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"seconds\": %.6f, \"count\": %d}\n", seconds, count);
  ::close(to[1]);
  return 0;
}

// ---- ours -----------------------------------------------------------------------------------------

civi::PipeConnection::Options options_for(const std::string& command, std::size_t count) {
  civi::PipeConnection::Options options;
  options.command = "exec " + command;
  options.environment = proc::own_environment();
  options.limits.count = count;
  options.limits.start = Millis{60'000};
  return options;
}

async::Task<> call_often(civi::PipeConnection* connection, int count, double* seconds) {
  auto start = Clock::now();
  for (int i = -10; i < count; ++i) {
    if (i == 0) start = Clock::now();
    const json::array items{json::object{{"id", "12345"}, {"queue", "q"}}};
    civi::Call call{"Queue", "runItems", json::object{{"items", items}}};
    const civi::Reply reply = co_await connection->call(std::move(call));
    if (!reply.ok()) give_up(reply.reason);
  }
  *seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const Millis none{0};
  co_await connection->close(none);
}

/// Runs until nothing is left to do; an exception of the task is ours.
void run_task(async::Loop& loop, async::Task<> task) {
  async::asio::co_spawn(loop, std::move(task), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  async::run_spinning(loop);
}

int call(const std::string& program, int count) {
  async::Loop loop;
  civi::PipeConnection connection{loop, options_for(program + " pipe", 1)};
  double seconds = 0;
  run_task(loop, call_often(&connection, count, &seconds));
  std::printf("{\"seconds\": %.6f, \"count\": %d}\n", seconds, count);
  return 0;
}

struct Seen {
  std::int64_t wanted = 0;
  std::int64_t done = 0;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  long early_memory = 0;
  std::vector<double> late_ms;
};

long resident_kib() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss;
}

async::Task<> run_agent(civi::Agent* agent) {
  const Result<> outcome = co_await agent->run();
  if (!outcome) give_up(outcome.error().message());
}

void serve(const std::string& site, Seen& seen, civi::Agent::Options options) {
  async::Loop loop;
  auto control = std::make_shared<civi::PipeConnection>(loop, options_for(site, 1));
  auto work = std::make_shared<civi::PipeConnection>(loop, options_for(site, 2));
  std::unique_ptr<civi::Agent> agent;
  options.stop_grace = Millis{10'000};
  agent = std::make_unique<civi::Agent>(loop, control, work, options, [&](const civi::Agent::Event& event) {
    if (!event.text.empty() && event.text.starts_with("late ")) {
      seen.late_ms.push_back(std::strtod(event.text.c_str() + 5, nullptr) / 1e6);
    }
    if (event.is_start && seen.first_ns == 0) seen.first_ns = now_ns();
    if (event.is_start || !event.text.empty()) return;
    if (event.outcome != civi::ItemOutcome::ok) give_up("a task failed: " + event.reason);
    if (++seen.done == seen.wanted / 10) seen.early_memory = resident_kib();
    if (seen.done == seen.wanted) {
      seen.last_ns = now_ns();
      agent->stop();
    }
  });
  run_task(loop, run_agent(agent.get()));
}

int tasks(const std::string& program, std::int64_t items, int batch) {
  Seen seen;
  seen.wanted = items;
  serve(program + " pipe " + std::to_string(items) + " " + std::to_string(batch) + " 0", seen, {});
  std::printf("{\"seconds\": %.6f, \"count\": %lld, \"early_kib\": %ld, \"kib\": %ld}\n",
              static_cast<double>(seen.last_ns - seen.first_ns) / 1e9, static_cast<long long>(items), seen.early_memory,
              resident_kib());
  return 0;
}

int latency(const std::string& program, int items, int longest) {
  Seen seen;
  seen.wanted = items;
  civi::Agent::Options options;
  if (longest > 0) options.poll_longest = Millis{longest};
  if (longest == 0) options.poll_longest = options.poll_shortest = Millis{1};
  serve(program + " pipe " + std::to_string(items) + " 1 " + std::to_string(longest == 0 ? 20 : longest), seen,
        options);
  std::sort(seen.late_ms.begin(), seen.late_ms.end());
  if (seen.late_ms.empty()) give_up("no task told its time");
  std::printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", seen.late_ms[seen.late_ms.size() / 2],
              seen.late_ms[seen.late_ms.size() * 99 / 100]);
  return 0;
}

int idle(const std::string& program, int seconds) {
  Seen seen;
  seen.wanted = -1;
  civi::Agent::Options options;
  options.duration = Seconds{seconds};
  serve(program + " pipe 0 1 0", seen, options);
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  std::printf("{\"cpu_seconds\": %.6f, \"seconds\": %d}\n", in_seconds(used.ru_utime) + in_seconds(used.ru_stime),
              seconds);
  return 0;
}

int run(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int index) { return argc > index ? std::atoll(argv[index]) : 0; };
  if (mode == "pipe") {
    Stock stock;
    stock.left = number(2);
    stock.batch = std::max(number(3), 1LL);
    stock.pause_ms = number(4);
    return pipe_main(stock);
  }
  std::signal(SIGPIPE, SIG_IGN);
  proc::adopt_orphans();
  if (!log::configure({log::Level::error, log::Format::text, {}})) give_up("no log");
  const std::string program = argv[0];
  if (mode == "bare") return bare(program, static_cast<int>(number(2)));
  if (mode == "call") return call(program, static_cast<int>(number(2)));
  if (mode == "tasks") return tasks(program, number(2), static_cast<int>(number(3)));
  if (mode == "latency") return latency(program, static_cast<int>(number(2)), static_cast<int>(number(3)));
  if (mode == "idle") return idle(program, static_cast<int>(number(2)));
  give_up("usage: bench_civi pipe|bare|call|tasks|latency|idle …");
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  return coworker::bench::run(argc, argv);
}
