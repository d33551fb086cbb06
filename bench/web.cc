// Calls of a site over HTTP, and the bare limit; prints one line of JSON.
//
//   bench_web bare URL COUNT              libcurl in a loop, on one kept connection
//   bench_web call URL COUNT PARALLEL     the same requests through the web client, so many at a time
//   bench_web idle URL SECONDS            queues that are looked at as `coworker run --web` does, and never have a task
//
// URL is one that the web client takes; whatever stands there answers every POST like the end-point for `runItems`.
#include <curl/curl.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "async/spin.h"
#include "civi/agent.h"
#include "civi/web_connection.h"
#include "connection.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;
namespace json = boost::json;

json::object params() {
  return {{"items", json::array{json::object{{"id", "12345"}, {"queue", "mailing-queue"}}}},
          {"checkPermissions", false}};
}

int tell(int count, Clock::time_point start) {
  std::printf("{\"seconds\": %.6f, \"count\": %d}\n", std::chrono::duration<double>(Clock::now() - start).count(),
              count);
  return 0;
}

std::size_t keep(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

int bare(const civi::WebAddress& address, int count) {
  const worker::HttpRequest request = civi::api_request(address, "Queue", "runItems", params());
  CURL* easy = curl_easy_init();
  curl_slist* headers = nullptr;
  for (const auto& [name, text] : request.headers) headers = curl_slist_append(headers, (name + ": " + text).c_str());
  std::string answer;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &keep);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    answer.clear();
    if (curl_easy_perform(easy) != CURLE_OK || !answer.starts_with("{\"values\"")) give_up("no answer");
  }
  tell(count, start);
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  return 0;
}

async::Task<> call_again(civi::Connection& connection, int& left) {
  while (left-- > 0) {
    civi::Call call{"Queue", "runItems", params()};
    const civi::Reply reply = co_await connection.call(std::move(call));
    if (!reply.ok()) give_up(reply.reason);
  }
}

int through_client(civi::WebAddress address, int count, int parallel) {
  async::Loop loop;
  civi::WebConnection::Options options;
  options.address = std::move(address);
  options.count = static_cast<std::size_t>(parallel);
  Result<std::unique_ptr<civi::Connection>> connection = civi::WebConnection::make(loop, std::move(options));
  if (!connection) give_up(connection.error().message());
  const auto ignore = [](const std::exception_ptr&) {};
  boost::asio::co_spawn(loop, (*connection)->open(), [](const std::exception_ptr&, const Result<civi::Site>& site) {
    if (!site) give_up(site.error().message());
  });
  async::run_spinning(loop);
  loop.restart();
  int left = count;
  const auto start = Clock::now();
  for (int i = 0; i < parallel; ++i) boost::asio::co_spawn(loop, call_again(**connection, left), ignore);
  async::run_spinning(loop);
  tell(count, start);
  loop.restart();
  boost::asio::co_spawn(loop, (*connection)->close(Millis{0}), ignore);
  async::run_spinning(loop);
  return 0;
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

int idle(civi::WebAddress address, int seconds) {
  async::Loop loop;
  civi::WebConnection::Options options;
  options.address = std::move(address);
  Result<std::unique_ptr<civi::Connection>> made = civi::WebConnection::make(loop, std::move(options));
  if (!made) give_up(made.error().message());
  const std::shared_ptr<civi::Connection> connection = std::move(*made);
  civi::Agent::Options often;
  often.poll_longest = Millis{5'000};
  often.poll_shortest = Millis{250};
  often.duration = Seconds{seconds};
  civi::Agent agent{loop, connection, connection, often, [](const civi::Agent::Event&) {}};
  const double before = cpu_seconds();
  boost::asio::co_spawn(loop, agent.run(), [](const std::exception_ptr&, const Result<>& ended) {
    if (!ended) give_up(ended.error().message());
  });
  async::run_spinning(loop);
  std::printf("{\"seconds\": %d, \"cpu_seconds\": %.6f}\n", seconds, cpu_seconds() - before);
  return 0;
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  using namespace coworker::bench;
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const auto address = coworker::civi::parse_web_address(argc > 2 ? argv[2] : "");
  const int count = argc > 3 ? std::atoi(argv[3]) : 0;
  if (address && mode == "bare" && argc == 4) return bare(*address, count);
  if (address && mode == "call" && argc == 5) return through_client(*address, count, std::atoi(argv[4]));
  if (address && mode == "idle" && argc == 4) return idle(*address, count);
  give_up("usage: bench_web bare URL COUNT, call URL COUNT PARALLEL, idle URL SECONDS");
}
