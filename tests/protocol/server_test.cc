#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>
#include <vector>

#include "channel/resp/encode.h"
#include "peer.h"

namespace coworker::test {
namespace {

TEST(Server, ThePipelineOfAThousandIsAnsweredInOrder) {
  TestBroker broker;
  Peer peer{broker.unix_address()};
  std::string requests;
  for (int i = 0; i < 1000; ++i) {
    channel::resp::append_request(requests, {"ADDJOB", "q", std::to_string(i), "0"});
    channel::resp::append_request(requests, {"PING", std::to_string(i)});
  }
  peer.send(requests);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(peer.reply().substr(0, 3), "+D-");
    ASSERT_EQ(peer.reply(), "\"" + std::to_string(i) + "\"");
  }
  for (int i = 0; i < 1000; ++i) {
    const std::string job = peer.ask({"GETJOB", "FROM", "q"});
    ASSERT_NE(job.find("\"" + std::to_string(i) + "\"]]"), std::string::npos) << job;
  }
}

TEST(Server, MoreRequestsThanMayBeOpenAreAllAnswered) {
  TestBroker broker;
  Peer peer{broker.unix_address()};
  constexpr int kCount = 50'000;
  std::string requests;
  for (int i = 0; i < kCount; ++i) requests += "ADDJOB q x 0\r\n";
  requests += "QLEN q\r\n";
  std::string_view left = requests;
  int answered = 0;
  // Sending all of it first would block: the server stops reading.
  while (!left.empty()) {
    const std::size_t sent = peer.send_some(left.substr(0, 64 * 1024));
    left.remove_prefix(sent);
    if (sent == 0 && answered < kCount) {
      ASSERT_EQ(peer.reply().substr(0, 3), "+D-");
      ++answered;
    }
  }
  for (; answered < kCount; ++answered) ASSERT_EQ(peer.reply().substr(0, 3), "+D-");
  EXPECT_EQ(peer.reply(), ":" + std::to_string(kCount));
}

TEST(Server, AHalfClosedClientStillGetsItsReplies) {
  TestBroker broker;
  Peer peer{broker.tcp_address()};
  peer.send("ADDJOB q x 0\r\nQLEN q\r\nPING\r\n");
  peer.half_close();
  EXPECT_EQ(peer.reply().substr(0, 3), "+D-");
  EXPECT_EQ(peer.reply(), ":1");
  EXPECT_EQ(peer.reply(), "+PONG");
  EXPECT_TRUE(peer.closed());
}

TEST(Server, UnixSocketsAreTheOwnersOnly) {
  TestBroker broker;
  struct stat status{};
  ASSERT_EQ(::stat((broker.folder() / "socket").c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  broker.stop();
  EXPECT_FALSE(std::filesystem::exists(broker.folder() / "socket"));
}

TEST(Server, TellsWhoIsAtAUnixSocket) {
  TestBroker broker;
  Peer peer{broker.unix_address()};
  const std::string list = peer.ask({"CLIENT", "LIST"});
  EXPECT_NE(list.find(" pid=" + std::to_string(::getpid()) + " uid=" + std::to_string(::getuid())), std::string::npos)
      << list;
}

TEST(Server, AddressesThatOthersReachNeedAPassword) {
  const auto everywhere = [](app::BrokerOptions& options) { options.listen = {"tcp:0.0.0.0:0"}; };
  try {
    const TestBroker broker{everywhere};
    ADD_FAILURE() << "it listens";
  } catch (const std::exception& error) {
    EXPECT_NE(std::string{error.what()}.find("set a password"), std::string::npos) << error.what();
  }
  const TestBroker insecure{[&](app::BrokerOptions& options) {
    everywhere(options);
    options.insecure = true;
  }};
  const TestBroker guarded{[&](app::BrokerOptions& options) {
    everywhere(options);
    options.listen.insert(options.listen.begin(), "unix:" + options.directory + "-socket");
    options.password_file = options.directory + "-password";
    std::ofstream{options.password_file} << "open sesame\nignored\n";
    std::filesystem::permissions(options.password_file, std::filesystem::perms{0600});
  }};
  Peer peer{guarded.unix_address()};
  EXPECT_EQ(peer.ask({"PING"}).substr(0, 7), "-NOAUTH");
  EXPECT_EQ(peer.ask({"AUTH", "open sesame"}), "+OK");
  EXPECT_EQ(peer.ask({"PING"}), "+PONG");
}

TEST(Server, ASecondOwnerIsRefusedAndDoesNoHarm) {
  TestBroker broker;
  Peer peer{broker.unix_address()};
  app::BrokerOptions options;
  options.directory = (broker.folder() / "data").string();
  options.listen = {"unix:" + (broker.folder() / "socket").string()};
  app::BrokerThread second{options};
  const Result<> started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), Errc::conflict);
  EXPECT_NE(started.error().message().find(std::to_string(::getpid())), std::string::npos) << started.error().message();
  Peer late{broker.unix_address()};
  EXPECT_EQ(late.ask({"PING"}), "+PONG");
  EXPECT_EQ(peer.ask({"ADDJOB", "q", "x", "0"}).substr(0, 3), "+D-");
}

TEST(Server, AStaleSocketFileIsReplacedAndAnotherFileIsNot) {
  TestBroker broker;
  broker.stop();
  const std::filesystem::path socket = broker.folder() / "socket";
  std::ofstream{socket} << "precious";
  EXPECT_THROW(broker.restart(), std::exception);
  EXPECT_TRUE(std::filesystem::exists(socket));
  std::filesystem::remove(socket);
  {
    const Fd left{::socket(AF_UNIX, SOCK_STREAM, 0)};
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    socket.native().copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(left.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  broker.restart();
  Peer peer{broker.unix_address()};
  EXPECT_EQ(peer.ask({"PING"}), "+PONG");
}

TEST(Server, StoppingTellsWhoIsBlockedAndKeepsWhatWasAcknowledged) {
  TestBroker broker;
  Peer blocked{broker.unix_address()};
  blocked.request({"GETJOB", "FROM", "none"});
  Peer idle{broker.tcp_address()};
  EXPECT_EQ(idle.ask({"PING"}), "+PONG");
  Peer adding{broker.unix_address()};
  const std::string id = adding.ask({"ADDJOB", "q", "kept", "0"});
  broker.await_blocked(1);
  broker.stop();
  EXPECT_EQ(blocked.reply().substr(0, 8), "-LEAVING");
  EXPECT_TRUE(blocked.closed());
  EXPECT_TRUE(idle.closed());
  broker.restart();
  Peer peer{broker.unix_address()};
  EXPECT_EQ(peer.ask({"GETJOB", "FROM", "q"}), "[[\"q\" \"" + id.substr(1) + "\" \"kept\"]]");
}

TEST(Server, AJobServedToAClientThatIsGoneIsReadyAgain) {
  TestBroker broker;
  Peer adding{broker.unix_address()};
  for (int round = 0; round < 50; ++round) {
    auto waiting = std::make_unique<Peer>(broker.unix_address());
    waiting->request({"GETJOB", "FROM", "q"});
    broker.await_blocked(1);
    // The job and the end of the connection reach the broker together.
    adding.request({"ADDJOB", "q", "x", "0", "RETRY", "0"});
    waiting.reset();
    const std::string id = adding.reply().substr(1);
    // Either nobody had it, or it was given back, or it went out into the closed socket; then it is leased
    // for ever, as at-most-once means. It is never in two places.
    const std::string job = adding.ask({"GETJOB", "NOHANG", "FROM", "q"});
    if (job != "*-1") EXPECT_EQ(job, "[[\"q\" \"" + id + "\" \"x\"]]");
    adding.ask({"ACKJOB", id});
  }
}

}  // namespace
}  // namespace coworker::test
