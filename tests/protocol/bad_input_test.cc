#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <optional>
#include <random>
#include <vector>

#include "channel/resp/encode.h"
#include "peer.h"

namespace coworker::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kWithinMilliseconds = 250ms;  // the machine may be busy with more than this test

/// That somebody else is served while the test does its worst.
void expect_served(Peer& other) {
  const auto before = steady_clock::now();
  EXPECT_EQ(other.ask({"PING"}), "+PONG");
  EXPECT_LT(steady_clock::now() - before, kWithinMilliseconds);
}

std::size_t grown_since(std::size_t before) {
  const std::size_t now = resident_bytes();
  return now > before ? now - before : 0;
}

std::string request(std::initializer_list<std::string_view> words) {
  std::string bytes;
  channel::resp::append_request(bytes, words);
  return bytes;
}

TEST(BadInput, GarbageGetsOneErrorAndTheDoor) {
  TestBroker broker;
  Peer other{broker.unix_address()};
  std::mt19937 random{7};
  for (int round = 0; round < 200; ++round) {
    Peer peer{broker.unix_address()};
    std::string garbage(1 + random() % 3000, '\0');
    for (char& c : garbage) c = static_cast<char>(random());
    // A star first, so that it cannot pass for inline commands.
    peer.send("*" + garbage + "\n");
    peer.half_close();
    std::string reply = peer.reply();
    while (reply != "closed") {
      EXPECT_TRUE(reply.starts_with("-ERR ")) << reply;
      reply = peer.reply();
    }
  }
  expect_served(other);
}

TEST(BadInput, OversizedAnnouncementsCostNothing) {
  TestBroker broker;
  Peer other{broker.unix_address()};
  const std::size_t before = resident_bytes();
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(std::make_unique<Peer>(broker.unix_address()));
    peers.back()->send("*1048576\r\n$6\r\nADDJOB\r\n$1\r\nq\r\n$536870912\r\nand then nothing");
  }
  expect_served(other);
  EXPECT_LT(grown_since(before), 64u << 20);
  for (const auto& peer : peers) peer->half_close();
  for (const auto& peer : peers) EXPECT_TRUE(peer->closed());
  expect_served(other);
  EXPECT_EQ(other.ask({"QLEN", "q"}), ":0");
}

TEST(BadInput, HalfRequestsHeldOpenAreBounded) {
  TestBroker broker{[](app::BrokerOptions& options) { options.limits.all_requests = 32 << 20; }};
  Peer other{broker.unix_address()};
  const std::size_t before = resident_bytes();
  const std::string megabyte(1 << 20, 'x');
  std::vector<std::unique_ptr<Peer>> peers;
  std::size_t refused = 0;
  for (int i = 0; i < 40; ++i) {
    peers.push_back(std::make_unique<Peer>(broker.unix_address()));
    try {
      peers.back()->send("*4\r\n$6\r\nADDJOB\r\n$1\r\nq\r\n$536870912\r\n");
      for (int part = 0; part < 20; ++part) peers.back()->send(megabyte);
    } catch (const std::exception&) {
      ++refused;
    }
    expect_served(other);
  }
  EXPECT_GT(refused, 30u);
  EXPECT_LT(grown_since(before), 400u << 20);  // of 800; a sanitizer keeps freed memory for a while
  // Ordinary requests are not affected, and large ones are not any more once those are gone.
  EXPECT_EQ(other.ask({"ADDJOB", "q", std::string_view{megabyte}.substr(0, 10'000), "0"}).substr(0, 3), "+D-");
  peers.clear();
  EXPECT_EQ(other.ask({"ADDJOB", "q", megabyte, "0"}).substr(0, 3), "+D-");
}

TEST(BadInput, ALargeBodyComesBackAsItWas) {
  TestBroker broker;
  Peer peer{broker.tcp_address()};
  std::string body(5'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 7 % 26);
  const std::string id = peer.ask({"ADDJOB", "q", body, "0"});
  ASSERT_EQ(id.substr(0, 3), "+D-");
  EXPECT_EQ(peer.ask({"GETJOB", "FROM", "q"}), "[[\"q\" \"" + id.substr(1) + "\" \"" + body + "\"]]");
}

TEST(BadInput, NineThousandIdleConnections) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  constexpr std::size_t kIdle = 9000;
  if (limit.rlim_cur < 2 * kIdle + 200) GTEST_SKIP() << "only " << limit.rlim_cur << " descriptors are allowed here";
  TestBroker broker;
  Peer other{broker.unix_address()};
  expect_served(other);
  const std::size_t before = resident_bytes();
  std::vector<std::unique_ptr<Peer>> idle;
  for (std::size_t i = 0; i < kIdle; ++i) {
    idle.push_back(std::make_unique<Peer>(broker.unix_address()));
    // Each has said something once, a third of them half a request.
    if (i % 3 == 0) idle.back()->send("*2\r\n$4\r\nQLEN\r\n$1");
    if (i % 100 == 0) expect_served(other);
  }
  for (const auto& peer : idle) {
    if (&peer - idle.data() == 1) EXPECT_EQ(peer->ask({"PING"}), "+PONG");
  }
  EXPECT_EQ(info(other, "clients", "connected_clients"), std::to_string(kIdle + 1));
  // Both ends live in this process.
  const std::size_t each = grown_since(before) / kIdle;
  RecordProperty("bytes_per_idle_connection", static_cast<int>(each));
  EXPECT_LT(each, 16'000u);
  expect_served(other);
  for (std::size_t i = 0; i < kIdle; i += 3) {
    idle[i]->send("\r\nq\r\n");
    ASSERT_EQ(idle[i]->reply(), ":0");
  }
}

TEST(BadInput, AClientThatNeverReadsStopsBeingServedAndHurtsNobody) {
  TestBroker broker;
  Peer other{broker.unix_address()};
  const std::string body(100'000, 'b');
  for (int i = 0; i < 20; ++i) ASSERT_EQ(other.ask({"ADDJOB", "q", body, "0"}).substr(0, 3), "+D-");
  Peer deaf{broker.tcp_address()};
  const std::size_t before = resident_bytes();
  // Two megabytes of reply for each of these; far more of them than anybody would buffer.
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += request({"QPEEK", "q", "20"});
  std::size_t taken = 0;
  std::string_view left;
  for (int i = 0; i < 200; ++i) {
    if (left.empty()) left = requests;
    const std::size_t sent = deaf.send_some(left);
    left.remove_prefix(sent);
    taken += sent;
    expect_served(other);
  }
  EXPECT_LT(taken, 64u << 20);
  EXPECT_LT(grown_since(before), 400u << 20);
  expect_served(other);
  // It was only stopped: when it reads at last, it is served on.
  EXPECT_NE(deaf.reply(), "closed");
}

TEST(BadInput, AClientThatReadsNothingIsClosedAtTheLimit) {
  TestBroker broker;
  Peer other{broker.unix_address()};
  ASSERT_EQ(other.ask({"CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0"}), "+OK");
  const std::string body(3'000'000, 'b');
  ASSERT_EQ(other.ask({"ADDJOB", "q", body, "0"}).substr(0, 3), "+D-");
  Peer deaf{broker.unix_address()};
  deaf.request({"QPEEK", "q", "1"});
  const auto deadline = steady_clock::now() + Peer::kPatience;
  while (info(other, "clients", "connected_clients") != "1" && steady_clock::now() < deadline) {
  }
  EXPECT_EQ(info(other, "clients", "connected_clients"), "1");
}

TEST(BadInput, TooManyClientsAreToldSo) {
  TestBroker broker{[](app::BrokerOptions& options) { options.max_clients = 2; }};
  Peer first{broker.unix_address()};
  Peer second{broker.unix_address()};
  EXPECT_EQ(first.ask({"PING"}), "+PONG");
  EXPECT_EQ(second.ask({"PING"}), "+PONG");
  Peer third{broker.unix_address()};
  EXPECT_EQ(third.reply(), "-ERR max number of clients reached");
  EXPECT_TRUE(third.closed());
  EXPECT_EQ(info(first, "stats", "rejected_connections"), "1");
}

}  // namespace
}  // namespace coworker::test
