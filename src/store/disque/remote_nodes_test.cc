#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>

#include "store/disque/remote_store_fixture.h"

namespace coworker::store::disque {
namespace {

constexpr std::array<char, 2> kDigits{'a', 'b'};

std::string id_made_by(char digit) {
  return "D-" + std::string(8, digit) + "-AAAAAAAAAAAAAAAAAAAAAAAA-05a1";
}

/// Two plain Disque servers that know each other; the store is told of the first one only.
class RemoteNodes : public RemoteStoreTest {
 protected:
  struct Node {
    std::atomic<int> adds{0}, gets{0}, acks{0};
    std::atomic<bool> leaving{false}, hangs_up_on_ack{false};
    std::string gives;  // ids of the jobs that GETJOB brings are made by this node; empty: none
    std::unique_ptr<ScriptedServer> server;
  };

  void SetUp() override {
    for (std::size_t i = 0; i < 2; ++i) {
      nodes_[i].server = std::make_unique<ScriptedServer>([this, i](const Words& words) { return answer(i, words); },
                                                          ScriptedServer::At::tcp);
    }
  }

  std::string hello(std::size_t self) const {
    std::string out = "*4\r\n:1\r\n" + bulk(std::string(40, kDigits[self]));
    for (std::size_t i = 0; i < 2; ++i) {
      const channel::Address address = nodes_[i].server ? nodes_[i].server->address() : channel::Address{};
      out += "*4\r\n" + bulk(std::string(40, kDigits[i])) + bulk(i == self ? "" : "127.0.0.1") +
             bulk(std::to_string(address.port)) + bulk(nodes_[i].leaving ? "100" : "1");
    }
    return out;
  }

  std::string answer(std::size_t self, const Words& words) {
    Node& node = nodes_[self];
    if (words[0] == "HELLO") return hello(self);
    if (words[0] == "PING") return "+PONG\r\n";
    if (words[0] == "WORKING") return ":300\r\n";
    if (words[0] == "ADDJOB") {
      if (node.leaving) return "-LEAVING this node is leaving\r\n";
      ++node.adds;
      return "+" + id_made_by(kDigits[self]) + "\r\n";
    }
    if (words[0] == "ACKJOB") {
      if (node.hangs_up_on_ack) return ScriptedServer::kHangUp;
      ++node.acks;
      return ":1\r\n";
    }
    if (words[0] == "GETJOB") {
      ++node.gets;
      if (node.gives.empty()) return "*-1\r\n";
      return "*1\r\n*7\r\n" + bulk("q") + bulk(node.gives) + bulk("1") + bulk("nacks") + ":0\r\n" +
             bulk("additional-deliveries") + ":0\r\n";
    }
    return "-ERR unknown command\r\n";
  }

  Result<std::unique_ptr<Store>> open_first() { return open_following({nodes_[0].server->address()}); }

  bool claim(Store& store) {
    job::Claim claim;
    claim.queues = {"q"};
    return apply(store, claim).has_value();
  }

  std::array<Node, 2> nodes_;
};

TEST_F(RemoteNodes, TheConnectionGoesWhereTheJobsAreMadeAlsoToANodeThatOnlyHelloNamed) {
  nodes_[0].gives = id_made_by('b');
  const auto store = open_first();
  ASSERT_TRUE(store);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (nodes_[1].gets == 0 && std::chrono::steady_clock::now() < end) ASSERT_TRUE(claim(**store));
  EXPECT_GT(nodes_[1].gets, 0);
  const int gets = nodes_[0].gets;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(claim(**store));
  EXPECT_EQ(nodes_[0].gets, gets) << "an empty queue is no reason to move";
  EXPECT_TRUE(apply(**store, add("1")));
  EXPECT_EQ(nodes_[1].adds, 1);
  (*store)->close();
}

TEST_F(RemoteNodes, EmptyQueuesKeepTheNode) {
  const auto store = open_first();
  ASSERT_TRUE(store);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(claim(**store));
  EXPECT_EQ(nodes_[1].server->connections(), 0);
  (*store)->close();
}

TEST_F(RemoteNodes, ALeavingNodeIsLeftAndWhatItRefusedIsAddedElsewhere) {
  const auto store = open_first();
  ASSERT_TRUE(store);
  ASSERT_TRUE(claim(**store));
  nodes_[0].leaving = true;
  const Result<job::Answer> added = apply(**store, add("1"));
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_EQ(nodes_[1].adds, 1);
  EXPECT_EQ(nodes_[0].adds, 0);
  (*store)->close();
}

TEST_F(RemoteNodes, AnAnswerWithoutATokenIsRepeatedElsewhereWhenItsNodeIsLost) {
  const auto store = open_first();
  ASSERT_TRUE(store);
  ASSERT_TRUE(claim(**store));
  nodes_[0].hangs_up_on_ack = true;
  job::Ack ack;
  ack.jobs.push_back({job::parse_id(id_made_by('a')).value(), {}});
  const Result<job::Answer> answer = apply(**store, ack);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(std::get<job::Statuses>(*answer).done(), 1);
  EXPECT_EQ(nodes_[1].acks, 1);
  (*store)->close();
}

TEST_F(RemoteNodes, WithTheNodeGoneAddsGoToTheOther) {
  const auto store = open_first();
  ASSERT_TRUE(store);
  ASSERT_TRUE(apply(**store, add("1")));
  nodes_[0].server->stop();
  run_until([&] { return !(*store)->connected(); });
  ASSERT_TRUE(apply(**store, add("2")));
  EXPECT_EQ(nodes_[1].adds, 1);
  (*store)->close();
}

}  // namespace
}  // namespace coworker::store::disque
