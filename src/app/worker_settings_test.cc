#include "app/worker_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config_file.h"

namespace coworker::app {
namespace {

using service::WorkerKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

/// `worker` is the text of a queue's worker, which begins on line 3.
Result<service::WorkerConfig> worker_of(const std::string& worker) {
  Settings settings;
  const Result<> outcome = read_config("queues:\n  q:\n    worker:\n      " + worker + "\n", "coworker.yml", settings);
  if (!outcome) return tl::unexpected{outcome.error()};
  return worker_config(settings, settings.entries({"queues"}).front());
}

struct Refused {
  const char* name;
  const char* worker;
  const char* message;
};

class WorkerSettings : public testing::TestWithParam<Refused> {};

TEST_P(WorkerSettings, WhatDoesNotFitTogetherIsRefusedWithItsPlace) {
  const Result<service::WorkerConfig> worker = worker_of(GetParam().worker);
  ASSERT_FALSE(worker);
  EXPECT_THAT(worker.error().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, WorkerSettings,
    testing::Values(
        Refused{"NoType", "name: x", "coworker.yml:2: queues.q.worker is missing"},
        Refused{"NoProgram", "type: pipe", "coworker.yml:2: queues.q.worker.command is missing: type pipe needs"},
        Refused{"EmptyProgram", "type: command\n      command: ''", "needs a program"},
        Refused{"CommandOfInline", "type: inline\n      command: x",
                "coworker.yml:5: queues.q.worker.command: type inline has no such key; it belongs to command and pipe"},
        Refused{"MemoryOfInline", "type: inline\n      memory: 1G", "it belongs to command and isolated and pipe"},
        Refused{"CountOfCommand", "type: command\n      command: x\n      count: 2",
                "coworker.yml:6: queues.q.worker.count: type command has no such key; it belongs to pipe"},
        Refused{"AddressOfPipe", "type: pipe\n      command: x\n      address: http://a", "it belongs to http"},
        Refused{"NoAddress", "type: http", "coworker.yml:2: queues.q.worker.address is missing"},
        Refused{"OtherScheme", "{ type: http, address: 'file:///etc/passwd' }", "begins with neither http://"},
        Refused{"UnknownPlaceholder", "{ type: http, address: 'http://a/{app}/{queue}' }",
                "nothing says what {app} is"},
        Refused{"HeaderWithANewline", "{ type: http, address: 'http://a', headers: { A: \"b\\nC: d\" } }",
                "'A' cannot be a header"},
        Refused{"HeaderWithAColon", "{ type: http, address: 'http://a', headers: { 'A:': b } }", "cannot be a header"},
        Refused{"NoPair", "{ type: command, command: x, environment: [B] }", "'B' is not NAME=TEXT"},
        Refused{"NoProcesses", "{ type: pipe, command: x, count: 0 }", "0 is out of range"},
        Refused{"UnknownMethod", "{ type: http, address: 'http://a', method: GTE }", "did you mean 'GET'?"}),
    [](const auto& row) { return row.param.name; });

TEST(WorkerSettingsRead, APipeHasItsLimits) {
  const auto worker = worker_of(
      "{ type: pipe, command: python3 x.py, count: 2, requests: 1000, lifetime: 1h, idle: 5m, memory: 1G, "
      "max_memory: 512M }");
  ASSERT_TRUE(worker) << worker.error().message();
  EXPECT_EQ(worker->kind, WorkerKind::pipe);
  EXPECT_THAT(worker->command, ElementsAre("python3", "x.py"));
  EXPECT_EQ(worker->pool.count, 2u);
  EXPECT_EQ(worker->pool.requests, 1000u);
  EXPECT_EQ(worker->pool.lifetime, Millis{3'600'000});
  EXPECT_EQ(worker->pool.idle, Millis{300'000});
  EXPECT_EQ(worker->memory, 1u << 30);
  EXPECT_EQ(worker->pool.max_memory, 512u << 20);
}

TEST(WorkerSettingsRead, PlaceholdersStandBesideTheAddress) {
  const auto worker = worker_of(
      "{ type: http, address: 'https://a/{app}/{queue}/{id}?v={v}', app: 'my app', placeholders: { v: 1 }, "
      "headers: { Authorization: Bearer x }, method: GET, redirects: 2 }");
  ASSERT_TRUE(worker) << worker.error().message();
  EXPECT_THAT(worker->http.replaced, ElementsAre(Pair("app", "my app"), Pair("v", "1")));
  EXPECT_THAT(worker->http.headers, ElementsAre(Pair("Authorization", "Bearer x")));
  EXPECT_EQ(worker->http.method, "GET");
  EXPECT_EQ(worker->http.redirects, 2u);
}

// ---- the file of Disqontrol ---------------------------------------------------------------------

Settings foreign(const std::string& worker) {
  Settings settings;
  const Result<> outcome = read_config(
      "disqontrol:\n  disque: [{host: a}]\n  queues: { q: { worker: " + worker + " } }\n", "disqontrol.yml", settings);
  EXPECT_TRUE(outcome) << outcome.error().message();
  return settings;
}

TEST(WorkerSettingsRead, PhpWorkersAreRegisteredOnes) {
  for (const auto& [type, kind] : {std::pair{"inline_php_worker", WorkerKind::inline_worker},
                                   std::pair{"isolated-php-worker", WorkerKind::isolated}}) {
    const Settings settings = foreign(std::string{"{ type: "} + type + ", name: PicResizer }");
    const auto worker = worker_config(settings, settings.entries({"queues"}).front());
    ASSERT_TRUE(worker) << worker.error().message();
    EXPECT_EQ(worker->kind, kind);
    EXPECT_EQ(worker->name, "PicResizer");

    service::Config config;
    config.queues.resize(1);
    config.queues[0].name = "q";
    config.queues[0].worker = *worker;
    worker::Registry registry;
    const Result<> missing = check_workers(config, settings, registry);
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("disqontrol.yml:3: queue 'q': this program has no worker"));
    EXPECT_THAT(missing.error().message(), HasSubstr("type command"));
    EXPECT_THAT(missing.error().message(), HasSubstr("pipe"));
    registry.add("PicResizer", [](const worker::Job&, const worker::Contact&) { return worker::Outcome::ok(); });
    EXPECT_TRUE(check_workers(config, settings, registry));
  }
}

TEST(WorkerSettingsRead, HttpWorkersOfDisqontrol) {
  const Settings settings =
      foreign("{ type: http, address: 'http://a/{name2}', method: get, headers: [A=b], name2: x }");
  const auto worker = worker_config(settings, settings.entries({"queues"}).front());
  ASSERT_TRUE(worker) << worker.error().message();
  EXPECT_EQ(worker->kind, WorkerKind::http);
  EXPECT_EQ(worker->http.method, "GET");
  EXPECT_EQ(worker->http.address, "http://a/{name2}");
  EXPECT_THAT(worker->http.headers, ElementsAre(Pair("A", "b")));
  EXPECT_THAT(worker->http.replaced, ElementsAre(Pair("name2", "x")));
}

}  // namespace
}  // namespace coworker::app
