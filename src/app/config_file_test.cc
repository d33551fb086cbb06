#include "app/config_file.h"

#include <gtest/gtest.h>

namespace coworker::app {
namespace {

Settings read(std::string_view text, const std::string& file = "coworker.yml") {
  Settings settings;
  const Result<> outcome = read_config(text, file, settings);
  EXPECT_TRUE(outcome) << outcome.error().message();
  return settings;
}

std::string error_of(std::string_view text) {
  Settings settings;
  const Result<> outcome = read_config(text, "coworker.yml", settings);
  return outcome ? "accepted" : outcome.error().message();
}

TEST(ConfigFile, ValuesComeFromTheFileElseTheSectionAboveElseTheTable) {
  const Settings settings = read(R"(
store: tcp:127.0.0.1:7711
defaults: { max_retries: 7, job_lifetime: 2h }
queues:
  mail: { worker: { type: command, command: [php, "send mail.php"] }, max_retries: 5 }
)");
  EXPECT_EQ(settings.text({"store"}), "tcp:127.0.0.1:7711");
  EXPECT_EQ(settings.get<std::int64_t>({"queues", "mail", "max_retries"}), 5);
  EXPECT_EQ(settings.get<Millis>({"queues", "mail", "job_lifetime"}), Millis{7'200'000});
  EXPECT_EQ(settings.get<Millis>({"queues", "mail", "job_process_timeout"}), Millis{600'000});
  EXPECT_EQ(settings.effective({"queues", "mail", "max_retries"}).origin, "coworker.yml:5");
  EXPECT_EQ(settings.effective({"queues", "mail", "job_lifetime"}).origin, "coworker.yml:3");
  EXPECT_EQ(settings.effective({"queues", "mail", "failure_queue"}).origin, "default");
  EXPECT_EQ(settings.get<std::vector<std::string>>({"queues", "mail", "worker", "command"}),
            (std::vector<std::string>{"php", "send mail.php"}));
}

TEST(ConfigFile, JsonIsReadToo) {
  const Settings settings = read(R"({"queues": {"a.b": {"worker": {"type": "command", "command": "x 'y z'"}}}})");
  EXPECT_EQ(settings.get<std::vector<std::string>>({"queues", "a.b", "worker", "command"}),
            (std::vector<std::string>{"x", "y z"}));
  ASSERT_EQ(settings.entries({"queues"}).size(), 1u);
  EXPECT_EQ(settings.entries({"queues"}).front().name, "a.b");
}

TEST(ConfigFile, QueuesMayBeCalledLikeKeys) {
  const Settings settings = read("queues: { worker: { max_retries: 1 }, '*': { max_retries: 2 }, queues: {} }");
  EXPECT_EQ(settings.get<std::int64_t>({"queues", "worker", "max_retries"}), 1);
  EXPECT_EQ(settings.get<std::int64_t>({"queues", "*", "max_retries"}), 2);
  EXPECT_EQ(settings.get<std::int64_t>({"queues", "queues", "max_retries"}), 37);
}

TEST(ConfigFile, UnknownKeysNameFileLineKeyAndTheNearestName) {
  EXPECT_EQ(error_of("queues:\n  mail:\n    max_retires: 5\n"),
            "coworker.yml:3: queues.mail.max_retires: unknown key; did you mean 'max_retries'?");
  EXPECT_EQ(error_of("brokers: {}"), "coworker.yml:1: brokers: unknown key; did you mean 'broker'?");
  EXPECT_NE(error_of("log: { colour: red }").find("known here: level, format, file"), std::string::npos);
  EXPECT_NE(error_of("'*': 1").find("unknown key"), std::string::npos);
}

TEST(ConfigFile, AllMistakesAreReportedTogether) {
  const std::string text = error_of("log: { level: loud }\nconsumers: [ { job_batch: 0 } ]\nbroker: 7\n");
  EXPECT_NE(text.find("coworker.yml:1: log.level: 'loud' is not one of debug, info"), std::string::npos) << text;
  EXPECT_NE(text.find("coworker.yml:2: consumers.0.job_batch: 0 is out of range (1 to 10000)"), std::string::npos)
      << text;
  EXPECT_NE(text.find("coworker.yml:3: broker: a map of keys is expected here"), std::string::npos) << text;
}

struct BadFile {
  const char* name;
  const char* text;
  const char* message;
};

class BadFiles : public testing::TestWithParam<BadFile> {};

TEST_P(BadFiles, AreRefused) {
  EXPECT_NE(error_of(GetParam().text).find(GetParam().message), std::string::npos) << error_of(GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadFiles,
    testing::Values(
        BadFile{"Syntax", "queues: [", "coworker.yml:"}, BadFile{"Twice", "log: {level: info, level: debug}", "twice"},
        BadFile{"NoValue", "store:\n", "coworker.yml:1: store: has no value"},
        BadFile{"ListForText", "store: [a, b]", "a single value"},
        BadFile{"MapForList", "broker: {listen: {a: b}}", "a list is expected"},
        BadFile{"NestedList", "broker: {listen: [[a]]}", "a list of texts"},
        BadFile{"RootIsAList", "- a\n- b\n", "a map of keys"}, BadFile{"RootIsAText", "hello", "a map of keys"},
        BadFile{"TwoDocuments", "log: {}\n---\nlog: {}\n", "more than one document"},
        BadFile{"EmptyQueueName", "queues: {'': {}}", "empty name"},
        BadFile{"OpenQuote", "queues: {q: {worker: {type: command, command: \"a 'b\"}}}", "without an end"},
        BadFile{"TooShort", "defaults: {job_lifetime: 10ms}", "too short (at least 1s)"},
        BadFile{"Later", "web: {listen: x}", "coworker.yml:1: web: not available in this version (the dashboard)"},
        BadFile{"LaterWorker", "queues: {q: {worker: {type: civi}}}",
                "not available in this version (CiviCRM workers)"},
        BadFile{"KeyOfNoPlaceholder", "queues: {q: {worker: {type: http, address: 'http://a/{b}', c: x}}}",
                "coworker.yml:1: queues.q.worker.c: unknown key"},
        BadFile{"UnknownWorker", "queues: {q: {worker: {type: comand}}}", "did you mean 'command'?"},
        BadFile{"DeepNesting", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "coworker.yml:"}),
    [](const auto& row) { return row.param.name; });

TEST(ConfigFile, AnEmptyFileAndEmptySectionsAreFine) {
  EXPECT_EQ(error_of(""), "accepted");
  EXPECT_EQ(error_of("# nothing\n"), "accepted");
  EXPECT_EQ(error_of("queues:\ndefaults:\nconsumers: []\n"), "accepted");
}

TEST(ConfigFile, PathsAreRelativeToTheFile) {
  const Settings settings = read(
      "store: file:./data\nbroker: { listen: ['unix:run/b.sock', 'tcp:127.0.0.1:1'], password_file: /abs }\nlog: "
      "{file: x.log}",
      "/etc/coworker/c.yml");
  EXPECT_EQ(settings.text({"store"}), "file:/etc/coworker/data");
  EXPECT_EQ(settings.get<std::vector<std::string>>({"broker", "listen"}),
            (std::vector<std::string>{"unix:/etc/coworker/run/b.sock", "tcp:127.0.0.1:1"}));
  EXPECT_EQ(settings.text({"broker", "password_file"}), "/abs");
  EXPECT_EQ(settings.text({"log", "file"}), "/etc/coworker/x.log");
}

TEST(ConfigFile, ALaterFileWinsKeyByKeyAndReplacesLists) {
  Settings settings = read("log: {level: debug, format: json}\nconsumers: [{queues: a}, {queues: b}]");
  ASSERT_TRUE(read_config("log: {level: error}\nconsumers: [{queues: c}]", "second.yml", settings));
  EXPECT_EQ(settings.text({"log", "level"}), "error");
  EXPECT_EQ(settings.text({"log", "format"}), "json");
  EXPECT_EQ(settings.entries({"consumers"}).size(), 1u);
}

TEST(ConfigFile, TheEnvironmentWinsOverTheFile) {
  Settings settings = read("store: file:/a\nlog: {level: debug}");
  const auto lookup = [](const char* name) -> const char* {
    if (std::string_view{name} == "COWORKER_STORE") return "unix:/b";
    if (std::string_view{name} == "COWORKER_BROKER_LISTEN") return "unix:/b tcp:127.0.0.1:7711";
    return nullptr;
  };
  ASSERT_TRUE(read_environment(lookup, settings));
  EXPECT_EQ(settings.text({"store"}), "unix:/b");
  EXPECT_EQ(settings.effective({"store"}).origin, "COWORKER_STORE");
  EXPECT_EQ(settings.get<std::vector<std::string>>({"broker", "listen"}).size(), 2u);

  const auto bad = [](const char* name) { return std::string_view{name} == "COWORKER_LOG_LEVEL" ? "loud" : nullptr; };
  const Result<> outcome = read_environment(bad, settings);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message().find("COWORKER_LOG_LEVEL: 'loud' is not one of"), std::string::npos);
}

constexpr const char* kDisqontrol = R"(
disqontrol:
  log_dir: /var/log/x
  cache_dir: /tmp/x
  disque:
    - { host: 127.0.0.1, port: 7711, password: abc }
    - { host: 127.0.0.2, port: 7712, password: abc }
  queue_defaults: { max_retries: 3 }
  queues:
    resize: { worker: { type: command, command: "php x.php --all" }, job_process_timeout: 30 }
    other: { worker: { type: command, address: ./y } }
  consumer_defaults: {}
  consumers:
    - { queues: [resize], min_processes: 2 }
)";

TEST(ConfigFile, TheFileOfDisqontrolIsReadAsItIs) {
  const Settings settings = read(kDisqontrol);
  EXPECT_EQ(settings.text({"store"}), "disque://127.0.0.1:7711,127.0.0.2:7712");
  EXPECT_EQ(std::get<std::string>(settings.given({"password"})->data), "abc");
  EXPECT_EQ(settings.get<std::int64_t>({"queues", "resize", "max_retries"}), 3);
  EXPECT_EQ(settings.get<Millis>({"queues", "resize", "job_process_timeout"}), Millis{30'000});
  EXPECT_EQ(settings.get<Millis>({"queues", "other", "job_lifetime"}), Millis{172'800'000});
  EXPECT_EQ(settings.get<std::vector<std::string>>({"queues", "resize", "worker", "command"}),
            (std::vector<std::string>{"/bin/sh", "-c", "php x.php --all \"$@\"", "sh"}));
  EXPECT_EQ(settings.get<std::vector<std::string>>({"queues", "other", "worker", "command"})[2], "./y \"$@\"");
  EXPECT_EQ(settings.get<std::int64_t>({"consumers", "0", "min_processes"}), 2);
  EXPECT_EQ(settings.text({"log", "file"}), "/var/log/x/disqontrol.log");
  EXPECT_EQ(settings.given({"disqontrol", "log_dir"}), nullptr);
}

TEST(ConfigFile, TheFileOfDisqontrolNeedsANode) {
  EXPECT_NE(error_of("disqontrol: { queues: { q: {} } }").find("at least one node"), std::string::npos);
  EXPECT_NE(error_of("disqontrol: { disque: [{port: 7711}] }").find("host is missing"), std::string::npos);
}

}  // namespace
}  // namespace coworker::app
