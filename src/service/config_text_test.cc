#include "service/config_text.h"

#include <gtest/gtest.h>

#include "service/suspects.h"

namespace coworker::service {
namespace {

TEST(Assignment, ComesThroughWhole) {
  Assignment out;
  out.build = "abc";
  out.config.store = "unix:/x\"y";
  out.config.store_password = "geheim";
  out.config.store_tls = {"certificate", "key", "ca", false, "name"};
  out.config.log.level = log::Level::debug;
  out.config.log.format = log::Format::json;
  out.config.log.file = "/log";
  out.config.events.history = EventConfig::History::all;
  out.config.events.file = "/events";
  out.config.events.bodies = true;
  out.config.lease = Millis{1};
  out.config.stop_grace = Millis{2};
  out.config.kill_grace = Millis{3};
  QueueConfig queue;
  queue.name = "q";
  queue.worker.kind = WorkerKind::inline_worker;
  queue.worker.command = {"a", "b c"};
  queue.worker.name = "n";
  queue.worker.directory = "/d";
  queue.worker.environment = {{"A", "1"}, {"B", "x=y"}};
  queue.worker.memory = 1ULL << 60;
  queue.worker.http.address = "http://x/{a}";
  queue.worker.http.method = "PUT";
  queue.worker.http.headers = {{"H", "v"}};
  queue.worker.http.replaced = {{"a", "b"}};
  queue.worker.http.redirects = 3;
  queue.worker.http.response_limit = 4;
  queue.worker.http.authorities = "ca.pem";
  queue.worker.pool = PoolConfig{5, 6, Millis{7}, Millis{8}, 9};
  queue.job_process_timeout = Seconds{5};
  queue.job_lifetime = Seconds{6};
  queue.max_retries = 7;
  queue.max_crashes = 8;
  queue.failure_strategy = FailureStrategy::retry_immediately;
  queue.own_strategy = "mine";
  queue.failure_queue = "f";
  out.config.queues = {queue};
  ConsumerConfig consumer;
  consumer.queues = {"q", "r"};
  consumer.job_batch = 9;
  consumer.prefetch = 10;
  out.config.consumers = {consumer};

  const std::string text = to_text(out);
  const Result<Assignment> in = parse_assignment(text);
  ASSERT_TRUE(in) << in.error().message();
  // Every field is in the text, so equal texts are equal values.
  EXPECT_EQ(to_text(*in), text);
  EXPECT_EQ(in->config.queues.at(0).worker.environment.at("B"), "x=y");
  EXPECT_EQ(in->config.queues.at(0).worker.memory, 1ULL << 60);
  EXPECT_EQ(in->config.consumers.at(0).queues.at(1), "r");
  EXPECT_EQ(in->config.store_password, "geheim");
  EXPECT_EQ(in->config.store_tls, out.config.store_tls);
}

TEST(Assignment, GarbageIsRefused) {
  EXPECT_FALSE(parse_assignment(""));
  EXPECT_FALSE(parse_assignment("[]"));
  EXPECT_FALSE(parse_assignment("{}"));
}

TEST(Suspects, AreSharedAndCleared) {
  Result<std::unique_ptr<Suspects>> ours = Suspects::create();
  ASSERT_TRUE(ours);
  Result<std::unique_ptr<Suspects>> theirs = Suspects::open(Fd{::dup((*ours)->fd())});
  ASSERT_TRUE(theirs);
  EXPECT_FALSE((*theirs)->contains(0));
  (*ours)->add(7);
  (*ours)->add(7);
  EXPECT_TRUE((*theirs)->contains(7));
  (*theirs)->clear(7);
  EXPECT_FALSE((*ours)->contains(7));
  for (std::uint64_t key = 1; key <= 1000; ++key) (*ours)->add(key);
  EXPECT_TRUE((*theirs)->contains(1000));
  EXPECT_FALSE((*theirs)->contains(1));
}

}  // namespace
}  // namespace coworker::service
