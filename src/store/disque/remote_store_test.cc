#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "store/disque/remote_store_fixture.h"

namespace coworker::store::disque {
namespace {

TEST_F(RemoteStoreTest, SpeaksTheExtendedCommandsToABroker) {
  ScriptedServer server{[](const Words& words) -> std::string {
    if (words[0] == "CW.HELLO") return broker_hello("fencing cancel");
    if (words[0] == "CW.ADD") {
      EXPECT_EQ(words, (Words{"CW.ADD", "q",           "{}",       "DELAY", "250",      "RETRY", "60",
                              "TTL",    "3600",        "PRIORITY", "-5",    "UNIQUE",   "u",     "GROUP",
                              "g",      "IDEMPOTENCY", "k",        "90",    "REGISTER", "r",     "18446744073709551615",
                              "MAXLEN", "9",           "BURY"}));
      return "*2\r\n" + bulk("duplicate") + bulk(kId);
    }
    if (words[0] == "CW.CLAIM") {
      EXPECT_EQ(words, (Words{"CW.CLAIM", "2", "-1", "1500", "q"}));
      return "*1\r\n" + delivery("body");
    }
    if (words[0] == "CW.RETRY") {
      EXPECT_EQ(words, (Words{"CW.RETRY", kId, "77", "250", "crashed", "gone"}));
      return "*1\r\n" + bulk("conflict");
    }
    return "-ERR unknown command\r\n";
  }};
  auto store = open({server.address()});
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_TRUE((*store)->capabilities().fencing);

  job::Add command = add("{}");
  command.delay = Millis{250};
  command.retry = Seconds{60};
  command.ttl = Seconds{3600};
  command.priority = -5;
  command.unique_key = "u";
  command.group = "g";
  command.idempotency_key = "k";
  command.idempotency_window = Seconds{90};
  command.register_name = "r";
  command.register_value = ~0ULL;
  command.max_length = 9;
  command.bury_on_expiry = true;
  auto added = apply(**store, command);
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_EQ(std::get<job::Added>(*added).outcome, job::Added::Outcome::duplicate);
  EXPECT_EQ(to_string(std::get<job::Added>(*added).id), kId);

  job::Claim claim;
  claim.queues = {"q"};
  claim.count = 2;
  claim.lease = Millis{1500};
  auto claimed = apply(**store, claim);
  ASSERT_TRUE(claimed) << claimed.error().message();
  const job::Delivery job = std::get<job::Claimed>(*claimed).jobs.at(0);
  EXPECT_EQ(job.token, job::Token{77});
  EXPECT_EQ(job.priority, -3);
  EXPECT_EQ(job.crashes, 5);

  job::Retry retry;
  retry.items.push_back({{job.id, job.token}, Millis{250}, true, "gone"});
  auto retried = apply(**store, retry);
  ASSERT_TRUE(retried) << retried.error().message();
  EXPECT_EQ(std::get<job::Statuses>(*retried).each, std::vector{job::Status::conflict});
}

TEST_F(RemoteStoreTest, RefusalsOfAnAddAreOutcomesAndOtherErrorsKeepTheirMeaning) {
  std::string error = "-PAUSED no\r\n";
  ScriptedServer server{[&](const Words& words) { return words[0] == "CW.HELLO" ? broker_hello("") : error; }};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  EXPECT_EQ(std::get<job::Added>(*apply(**store, add("1"))).outcome, job::Added::Outcome::paused);
  error = "-MAXLEN no\r\n";
  EXPECT_EQ(std::get<job::Added>(*apply(**store, add("1"))).outcome, job::Added::Outcome::full);
  error = "-STALE no\r\n";
  EXPECT_EQ(std::get<job::Added>(*apply(**store, add("1"))).outcome, job::Added::Outcome::stale);
  error = "-OOM disk is full\r\n";
  const auto full = apply(**store, add("1"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Errc::resource_exhausted);
  EXPECT_NE(full.error().message().find("disk is full"), std::string::npos);
}

TEST_F(RemoteStoreTest, APlainServerRefusesOpenlyWhatItCannotDo) {
  ScriptedServer server{[](const Words& words) -> std::string {
    if (words[0] == "HELLO") return "*2\r\n:1\r\n" + bulk("node");
    if (words[0] == "ADDJOB") {
      EXPECT_EQ(words,
                (Words{"ADDJOB", "q", "1", "10000", "REPLICATE", "1", "DELAY", "2", "RETRY", "0", "TTL", "86400"}));
      return "+" + kId + "\r\n";
    }
    if (words[0] == "GETJOB") return "*1\r\n*3\r\n" + bulk("q") + bulk(kId) + bulk("x");
    if (words[0] == "WORKING") return ":42\r\n";
    return "-ERR unknown command\r\n";
  }};
  auto store = open({server.address()});
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_FALSE((*store)->capabilities().fencing);

  job::Add at_most_once = add("1");
  at_most_once.retry = Seconds{0};
  at_most_once.delay = Millis{1001};
  EXPECT_TRUE(apply(**store, at_most_once));

  job::Add unique = add("1");
  unique.unique_key = "u";
  const auto refused = apply(**store, unique);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_NE(refused.error().message().find("a job with a unique key is beyond a plain Disque server"),
            std::string::npos);

  const auto claimed = apply(**store, blocking(1));
  ASSERT_TRUE(claimed) << claimed.error().message();
  EXPECT_EQ(std::get<job::Claimed>(*claimed).jobs.at(0).retry, Seconds{42}) << "the clock starts with the delivery";
}

TEST_F(RemoteStoreTest, AWrongOrMissingPasswordIsDenied) {
  std::string given;
  ScriptedServer server{[&](const Words& words) -> std::string {
    if (words[0] == "AUTH") given = words[1];
    if (given != "right") return words[0] == "AUTH" ? "-ERR invalid password\r\n" : "-NOAUTH no\r\n";
    return words[0] == "CW.HELLO" ? broker_hello("") : "+OK\r\n";
  }};
  const auto missing = open({server.address()});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::denied);
  EXPECT_NE(missing.error().message().find("COWORKER_PASSWORD"), std::string::npos);
  const auto wrong = open({server.address()}, "wrong");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("does not accept the password"), std::string::npos);
  EXPECT_TRUE(open({server.address()}, "right"));
}

TEST_F(RemoteStoreTest, AnotherNodeIsUsedWhenOneDoesNotAnswer) {
  ScriptedServer server{[](const Words&) { return broker_hello(""); }};
  const channel::Address absent{channel::Address::Kind::unix_socket, "/nonexistent/broker.sock", {}, 0};
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(open({absent, server.address(), absent}));
  const auto none = open({absent});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::unavailable);
  EXPECT_NE(none.error().message().find("unix:/nonexistent/broker.sock"), std::string::npos);
}

TEST_F(RemoteStoreTest, WhatIsNoDisqueServerIsNamedAsSuch) {
  ScriptedServer server{[](const Words&) { return "-ERR unknown command\r\n"; }};
  const auto opened = open({server.address()});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("neither a coworker broker nor a Disque server"), std::string::npos);

  ScriptedServer garbage{[](const Words&) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; }};
  EXPECT_FALSE(open({garbage.address()}));
}

TEST_F(RemoteStoreTest, AnAddThatMayHaveBeenCarriedOutIsNotRepeated) {
  std::atomic<int> adds{0};
  ScriptedServer server{[&](const Words& words) -> std::string {
    if (words[0] == "CW.HELLO") return broker_hello("");
    if (words[0] == "CW.ADD") return ++adds == 1 ? ScriptedServer::kHangUp : "*2\r\n" + bulk("created") + bulk(kId);
    return "-ERR\r\n";
  }};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  const auto lost = apply(**store, add("1"));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), Errc::unavailable);
  EXPECT_EQ(adds, 1);
  EXPECT_TRUE(apply(**store, add("2"))) << "the next one finds the server again";
}

TEST_F(RemoteStoreTest, QuestionsAndAddsWithAnIdempotencyKeyAreAskedAgain) {
  std::atomic<int> asked{0};
  ScriptedServer server{[&](const Words& words) -> std::string {
    if (words[0] == "CW.HELLO") return broker_hello("");
    if (++asked % 2 == 1) return ScriptedServer::kHangUp;
    return words[0] == "CW.ADD" ? "*2\r\n" + bulk("repeated") + bulk(kId) : "$-1\r\n";
  }};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  EXPECT_TRUE(apply(**store, job::Show{*job::parse_id(kId)}));
  job::Add safe = add("1");
  safe.idempotency_key = "k";
  safe.idempotency_window = Seconds{60};
  EXPECT_TRUE(apply(**store, safe));
  EXPECT_EQ(asked, 4);
}

TEST_F(RemoteStoreTest, CommandsWaitForAServerThatComesBackAndGiveUpOnOneThatDoesNot) {
  ScriptedServer server{[](const Words& words) -> std::string {
    return words[0] == "CW.HELLO" ? broker_hello("") : "*2\r\n" + bulk("created") + bulk(kId);
  }};
  patience_ = Millis{300};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  server.stop();
  const auto gone = apply(**store, add("1"));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Errc::unavailable);

  std::optional<Result<job::Answer>> late;
  (*store)->apply(add("2"), [&](Result<job::Answer> answer) { late = std::move(answer); });
  server.start();
  run_until([&] { return late.has_value(); });
  EXPECT_TRUE(*late) << late->error().message();
}

TEST_F(RemoteStoreTest, AThousandCommandsAreInFlightAtOnceAndAnsweredInOrder) {
  std::atomic<int> last{0};
  ScriptedServer server{[&](const Words& words) -> std::string {
    if (words[0] == "CW.HELLO") return broker_hello("");
    EXPECT_EQ(std::stoi(words[2]), last + 1);
    last = std::stoi(words[2]);
    return "*2\r\n" + bulk("created") + bulk(kId);
  }};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  int answered = 0;
  for (int i = 1; i <= 1000; ++i) {
    (*store)->apply(add(std::to_string(i)), [&](const Result<job::Answer>& answer) { answered += answer ? 1 : 0; });
  }
  run_until([&] { return answered == 1000; });
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(RemoteStoreTest, CloseAnswersWhatIsOpen) {
  ScriptedServer server{[](const Words& words) { return words[0] == "CW.HELLO" ? broker_hello("cancel") : ""; }};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  int failed = 0;
  const auto count = [&](const Result<job::Answer>& answer) {
    failed += !answer && answer.error().code() == Errc::unavailable ? 1 : 0;
  };
  (*store)->apply(add("1"), count);
  (*store)->apply(blocking(1), count);
  (*store)->apply(blocking(2), count);
  (*store)->close();
  EXPECT_EQ(failed, 3);
  (*store)->apply(add("2"), count);
  EXPECT_EQ(failed, 4);
  store->reset();
  loop_.restart();
  loop_.run();  // nothing keeps it from ending
}

TEST_F(RemoteStoreTest, RepliesOfAnotherShapeAreErrorsAndNoCrash) {
  std::string reply;
  ScriptedServer server{[&](const Words& words) { return words[0] == "CW.HELLO" ? broker_hello("") : reply; }};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  const job::Show show{*job::parse_id(kId)};
  for (const char* text : {"*0\r\n", ":7\r\n", "*1\r\n:7\r\n", "*2\r\n:1\r\n:2\r\n", "+x\r\n", "*2\r\n+id\r\n+x\r\n"}) {
    reply = text;
    EXPECT_FALSE(apply(**store, show)) << text;
    EXPECT_FALSE(apply(**store, add("1"))) << text;
    EXPECT_FALSE(apply(**store, job::ScanQueues{})) << text;
    EXPECT_FALSE(apply(**store, job::ScanJobs{})) << text;
  }
  for (const char* text : {":7\r\n", "+x\r\n", "*1\r\n:7\r\n", "*1\r\n*1\r\n:7\r\n"}) {
    reply = text;
    job::Claim claim;
    claim.queues = {"q"};
    EXPECT_FALSE(apply(**store, claim)) << text;
    EXPECT_FALSE(apply(**store, job::Peek{"q", 1})) << text;
  }
}

}  // namespace
}  // namespace coworker::store::disque
