#include "app/configuration.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "app/config_docs.h"
#include "app/config_file.h"

namespace coworker::app {
namespace {

Result<service::Config> config_of(std::string_view text) {
  Settings settings;
  const Result<> outcome = read_config(text, "coworker.yml", settings);
  EXPECT_TRUE(outcome) << outcome.error().message();
  return service_config(settings);
}

std::string error_of(std::string_view text) {
  const Result<service::Config> config = config_of(text);
  return config ? "accepted" : config.error().message();
}

TEST(Configuration, AQueueGetsItsWorkerAndWhatHoldsForIt) {
  const Result<service::Config> config = config_of(R"(
store: unix:/x
stop_grace: 250ms
defaults: { max_retries: 3, failure_strategy: retry_immediately }
queues:
  mail:
    worker: { type: command, command: php mail.php, environment: { A: b=c }, memory: 1G, directory: /srv }
    concurrency: 4
    job_process_timeout: 1500ms
  count: { worker: { type: inline } }
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->store, "unix:/x");
  EXPECT_EQ(config->stop_grace, Millis{250});
  ASSERT_EQ(config->queues.size(), 2u);
  const service::QueueConfig& mail = config->queues[0];
  EXPECT_EQ(mail.worker.command, (std::vector<std::string>{"php", "mail.php"}));
  EXPECT_EQ(mail.worker.environment.at("A"), "b=c");
  EXPECT_EQ(mail.worker.memory, 1u << 30);
  EXPECT_EQ(mail.worker.directory, "/srv");
  EXPECT_EQ(mail.concurrency, 4u);
  EXPECT_EQ(mail.max_retries, 3u);
  EXPECT_EQ(mail.job_process_timeout, Seconds{2}) << "rounded up: the timeout is never shorter than asked for";
  EXPECT_EQ(mail.failure_strategy, service::FailureStrategy::retry_immediately);
  EXPECT_EQ(config->queues[1].worker.kind, service::WorkerKind::inline_worker);
  EXPECT_EQ(config->queues[1].worker.name, "count");
}

constexpr const char* kThreeQueues = R"(
queues:
  a: { worker: { type: inline } }
  b: { worker: { type: inline } }
  c: { worker: { type: inline } }
)";

TEST(Configuration, QueuesThatNoConsumerNamesShareOneGroup) {
  const Result<service::Config> config = config_of(std::string{kThreeQueues} +
                                                   "consumer_defaults: { job_batch: 3 }\n"
                                                   "consumers: [ { queues: b, min_processes: 9 } ]\n");
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->consumers.size(), 2u);
  EXPECT_EQ(config->consumers[0].queues, std::vector<std::string>{"b"});
  EXPECT_EQ(config->consumers[0].max_processes, 9u) << "a maximum below the minimum is raised to it";
  EXPECT_EQ(config->consumers[0].job_batch, 3u);
  EXPECT_EQ(config->consumers[1].queues, (std::vector<std::string>{"a", "c"}));
}

TEST(Configuration, WhatCannotRunIsRefusedWithItsPlace) {
  EXPECT_NE(error_of("queues:\n  a: {}\n").find("coworker.yml:2: queues.a.worker is missing"), std::string::npos);
  EXPECT_NE(error_of("queues: { a: { worker: { type: command } } }").find("needs a program"), std::string::npos);
  EXPECT_NE(error_of("queues: { a: { worker: { type: command, command: '' } } }").find("needs a program"),
            std::string::npos);
  EXPECT_NE(error_of(std::string{kThreeQueues} + "consumers: [ {} ]").find("queues is missing"), std::string::npos);
  EXPECT_NE(
      error_of("queues: { mail: { worker: { type: inline } } }\nconsumers:\n - { queues: [mial] }")
          .find("coworker.yml:3: consumers.0.queues: there is no queue 'mial' under queues; did you mean 'mail'?"),
      std::string::npos);
}

TEST(Configuration, FlagsWinAndSayWhoGaveABadValue) {
  const Result<Configuration> loaded = load_configuration(
      {"/dev/null"}, {{"broker.listen", {"unix:/a", "unix:/b"}, "--listen"}, {"store", {"file:/s"}, "--store"}});
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->settings.get<std::vector<std::string>>({"broker", "listen"}).size(), 2u);
  EXPECT_EQ(loaded->settings.effective({"store"}).origin, "--store");

  const Result<Configuration> bad = load_configuration({"/dev/null"}, {{"broker.acks", {"never"}, "--acks"}});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message().find("--acks: 'never' is not one of write, commit"), std::string::npos);
}

TEST(Configuration, AFileThatIsNotThereIsAnError) {
  const Result<Configuration> loaded = load_configuration({"/nonexistent.yml"}, {});
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message().find("/nonexistent.yml"), std::string::npos);
}

TEST(Configuration, EveryDefaultOfTheTableIsAValueOfItsKind) {
  for (const Key& key : keys()) {
    if (!key.fallback.empty()) EXPECT_TRUE(parse_value(key, key.fallback, "")) << key.name;
    if (key.kind == Kind::choice) EXPECT_FALSE(key.choices.empty()) << key.name;
    EXPECT_FALSE(key.text.empty()) << key.name;
  }
}

TEST(Configuration, ShowsWhatIsInEffectAndWhereItComesFrom) {
  Settings settings;
  ASSERT_TRUE(read_config("log: { level: debug }\nqueues: { q: { worker: { type: inline } } }", "c.yml", settings));
  const std::string text = show_settings(settings, false);
  EXPECT_NE(text.find("log.level: \"debug\"  (c.yml:1)"), std::string::npos) << text;
  EXPECT_NE(text.find("queues.q.max_retries: 37  (default)"), std::string::npos) << text;
  EXPECT_NE(text.find("queues.q.worker.type: \"inline\"  (c.yml:2)"), std::string::npos) << text;
}

TEST(Configuration, TheCommittedManualIsCurrent) {
  std::ifstream file{std::filesystem::path{CW_SOURCE_DIR} / "docs/configuration.md"};
  const std::string committed{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_TRUE(committed == config_docs()) << "run: coworker config docs > docs/configuration.md";
}

}  // namespace
}  // namespace coworker::app
