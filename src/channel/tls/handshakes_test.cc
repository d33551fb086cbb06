#include "channel/tls/handshakes.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

#include "base/file.h"
#include "channel/tls/testing.h"

namespace coworker::channel::tls {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;

constexpr auto kPatience = 60s;  // before a test fails

std::shared_ptr<const Context> context(Context::Side side, const Settings& settings) {
  const auto made = Context::create(side, settings);
  EXPECT_TRUE(made) << made.error().message();
  return made.value_or(nullptr);
}

/// A TCP socket that listens on a port of the system's choice.
struct Listening {
  Listening() : socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(::listen(socket.get(), 64), 0);
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  }
  Fd connect() const {
    Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) fd.reset();
    return fd;
  }
  Fd socket;
  sockaddr_in name{};
};

bool is_readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, static_cast<int>(std::chrono::milliseconds{kPatience}.count())) == 1;
}

Handshakes::Accepted next_of(Handshakes& entrance) {
  while (is_readable(entrance.native_handle())) {
    Result<Handshakes::Accepted> accepted = entrance.accept();
    if (accepted) return std::move(*accepted);
    EXPECT_EQ(accepted.error().code(), Errc::not_found) << accepted.error().message();
    if (accepted.error().code() != Errc::not_found) break;
  }
  ADD_FAILURE() << "nobody came";
  return {};
}

std::string hear(const Fd& fd, std::size_t bytes) {
  std::string text(bytes, '\0');
  std::size_t at = 0;
  while (at < bytes && is_readable(fd.get())) {
    const ssize_t got = ::recv(fd.get(), text.data() + at, bytes - at, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) break;
    at += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  text.resize(at);
  return text;
}

void say(const Fd& fd, const std::string& text) {
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    if (!authority.is_there()) GTEST_SKIP() << "the program openssl is not here";
    server = authority.sign("server", "DNS:localhost,IP:127.0.0.1");
    client.ca = authority.ca();
  }

  Handshakes serve() {
    Result<Handshakes> entrance =
        Handshakes::serve(Fd{::dup(listening.socket.get())}, context(Context::Side::server, server));
    EXPECT_TRUE(entrance) << entrance.error().message();
    listening.socket.reset();
    return std::move(*entrance);
  }
  Result<Fd> connect(const std::string& host = "localhost") const {
    return shake_hands(listening.connect(), context(Context::Side::client, client), host, Clock::now() + kPatience);
  }
  /// Why nobody gets through.
  std::string refused(const std::string& host = "localhost") const {
    const Result<Fd> fd = connect(host);
    EXPECT_FALSE(fd);
    return fd ? "" : fd.error().message();
  }

  Authority authority;
  Settings server;
  Settings client;
  Listening listening;
};

TEST_F(Tls, BothSidesSpeakThroughPlainSockets) {
  Handshakes entrance = serve();
  const Result<Fd> ours = connect();
  ASSERT_TRUE(ours) << ours.error().message();
  const Handshakes::Accepted theirs = next_of(entrance);
  EXPECT_THAT(theirs.address, testing::StartsWith("127.0.0.1:"));
  EXPECT_EQ(theirs.subject, "");
  say(*ours, "question");
  EXPECT_EQ(hear(theirs.socket, 8), "question");
  say(theirs.socket, "answer");
  EXPECT_EQ(hear(*ours, 6), "answer");
}

TEST_F(Tls, TheHostMayBeANumber) {
  Handshakes entrance = serve();
  const Result<Fd> ours = connect("127.0.0.1");
  EXPECT_TRUE(ours) << ours.error().message();
}

TEST_F(Tls, AServerOfAnUnknownAuthorityIsRefused) {
  const Authority other;
  client.ca = other.ca();
  Handshakes entrance = serve();
  EXPECT_THAT(refused(), HasSubstr("its certificate is not accepted"));
}

TEST_F(Tls, TheSystemsAuthoritiesDoNotKnowOurs) {
  client.ca.clear();
  Handshakes entrance = serve();
  EXPECT_THAT(refused(), HasSubstr("its certificate is not accepted"));
}

TEST_F(Tls, AnExpiredCertificateIsRefused) {
  server = authority.sign("old", "DNS:localhost", -1);
  Handshakes entrance = serve();
  EXPECT_THAT(refused(), HasSubstr("expired"));
}

TEST_F(Tls, ACertificateOfAnotherHostIsRefused) {
  server = authority.sign("elsewhere", "DNS:elsewhere.example");
  Handshakes entrance = serve();
  EXPECT_THAT(refused(), HasSubstr("ostname mismatch"));
  EXPECT_THAT(refused("127.0.0.1"), HasSubstr("IP address mismatch"));
}

TEST_F(Tls, AnotherNameCanBeExpected) {
  server = authority.sign("elsewhere", "DNS:elsewhere.example");
  client.name = "elsewhere.example";
  Handshakes entrance = serve();
  const Result<Fd> ours = connect();
  EXPECT_TRUE(ours) << ours.error().message();
}

TEST_F(Tls, WithoutVerificationAnyServerDoes) {
  const Authority other;
  client.ca = other.ca();
  client.verify = false;
  Handshakes entrance = serve();
  const Result<Fd> ours = connect();
  EXPECT_TRUE(ours) << ours.error().message();
}

TEST_F(Tls, AClientNeedsACertificateWhereOneIsAskedFor) {
  server.ca = authority.ca();
  Handshakes entrance = serve();
  EXPECT_THAT(refused(), HasSubstr("does not accept our certificate"));
}

TEST_F(Tls, AClientsCertificateOfAnotherAuthorityIsRefused) {
  const Authority other;
  const Settings stranger = other.sign("stranger", "DNS:stranger");
  client.certificate = stranger.certificate;
  client.key = stranger.key;
  server.ca = authority.ca();
  Handshakes entrance = serve();
  EXPECT_THAT(refused(), HasSubstr("does not accept our certificate"));
}

TEST_F(Tls, AClientIsKnownByItsCertificate) {
  const Settings known = authority.sign("master", "DNS:master");
  client.certificate = known.certificate;
  client.key = known.key;
  server.ca = authority.ca();
  Handshakes entrance = serve();
  const Result<Fd> ours = connect();
  ASSERT_TRUE(ours) << ours.error().message();
  EXPECT_EQ(next_of(entrance).subject, "/CN=master");
}

TEST_F(Tls, AServerThatSpeaksPlainTextIsToldApart) {
  std::thread plain{[this] {
    if (!is_readable(listening.socket.get())) return;
    const Fd fd{::accept(listening.socket.get(), nullptr, nullptr)};
    say(fd, "{\"_hello_\":{\"version\":1}}\n");
    hear(fd, 1);
  }};
  EXPECT_THAT(refused(), HasSubstr("does not speak TLS"));
  plain.join();
}

TEST_F(Tls, AClientThatSpeaksPlainTextIsClosedAndOthersAreServed) {
  Handshakes entrance = serve();
  const Fd plain = listening.connect();
  say(plain, "{\"_query_\":null}\n");
  for (char part[64]; is_readable(plain.get());) {
    if (::recv(plain.get(), part, sizeof part, 0) <= 0) break;  // after the alert of TLS
  }
  const Result<Fd> ours = connect();
  ASSERT_TRUE(ours) << ours.error().message();
  EXPECT_TRUE(next_of(entrance).socket);
  EXPECT_EQ(entrance.accept().error().code(), Errc::not_found);
}

TEST_F(Tls, HalfHandshakesDelayNobody) {
  Handshakes entrance = serve();
  std::vector<Fd> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(listening.connect());
    say(slow.back(), std::string{"\x16\x03\x01\x02\x00\x01", 6});  // the begin of a client's first record
  }
  const Result<Fd> ours = connect();
  ASSERT_TRUE(ours) << ours.error().message();
  const Handshakes::Accepted theirs = next_of(entrance);
  say(*ours, "x");
  EXPECT_EQ(hear(theirs.socket, 1), "x");
  // In the end they are closed.
  EXPECT_TRUE(is_readable(slow.front().get()));
}

TEST_F(Tls, AMastersOwnDeadlineEndsAHandshake) {
  const auto begun = Clock::now();
  const Result<Fd> fd =
      shake_hands(listening.connect(), context(Context::Side::client, client), "localhost", begun + 50ms);
  ASSERT_FALSE(fd);
  EXPECT_THAT(fd.error().message(), HasSubstr("no handshake in time"));
  EXPECT_LT(Clock::now() - begun, 9s) << "which is before the limit of every handshake";
}

TEST_F(Tls, MuchIsCarriedWholeAndNoFasterThanItIsRead) {
  Handshakes entrance = serve();
  const Result<Fd> ours = connect();
  ASSERT_TRUE(ours) << ours.error().message();
  const Handshakes::Accepted theirs = next_of(entrance);
  constexpr std::size_t kMuch = 32 << 20;
  std::string sent(kMuch, '\0');
  for (std::size_t i = 0; i < kMuch; ++i) sent[i] = static_cast<char>(i * 2654435761u >> 24);
  // Nobody reads yet: what fits between the two ends is far less.
  std::size_t unread = 0;
  for (pollfd polled{theirs.socket.get(), POLLOUT, 0}; ::poll(&polled, 1, 200) == 1;) {
    const ssize_t put = ::send(theirs.socket.get(), sent.data() + unread, kMuch - unread, MSG_DONTWAIT | MSG_NOSIGNAL);
    ASSERT_GT(put, 0);
    unread += static_cast<std::size_t>(put);
    ASSERT_LT(unread, kMuch);
  }
  std::thread writer{[&] {
    while (unread < kMuch) {
      pollfd polled{theirs.socket.get(), POLLOUT, 0};
      ::poll(&polled, 1, -1);
      const ssize_t put =
          ::send(theirs.socket.get(), sent.data() + unread, kMuch - unread, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put > 0) unread += static_cast<std::size_t>(put);
    }
  }};
  const std::string got = hear(*ours, kMuch);
  writer.join();
  EXPECT_TRUE(got == sent);
}

TEST_F(Tls, WhatWasWrittenBeforeACloseArrives) {
  Handshakes entrance = serve();
  Result<Fd> ours = connect();
  ASSERT_TRUE(ours) << ours.error().message();
  Handshakes::Accepted theirs = next_of(entrance);
  say(theirs.socket, "last words");
  theirs.socket.reset();
  EXPECT_EQ(hear(*ours, 100), "last words");
}

TEST_F(Tls, OneDirectionCanEndBeforeTheOther) {
  Handshakes entrance = serve();
  const Result<Fd> ours = connect();
  ASSERT_TRUE(ours) << ours.error().message();
  const Handshakes::Accepted theirs = next_of(entrance);
  say(*ours, "all");
  ::shutdown(ours->get(), SHUT_WR);
  EXPECT_EQ(hear(theirs.socket, 100), "all");
  say(theirs.socket, "understood");
  EXPECT_EQ(hear(*ours, 10), "understood");
}

TEST_F(Tls, NobodyConnectsOnceTheEntranceIsClosed) {
  Handshakes entrance = serve();
  entrance.close();
  EXPECT_FALSE(listening.connect());
}

TEST_F(Tls, FilesThatCannotBeUsedAreNamed) {
  const auto why = [](Context::Side side, const Settings& settings) {
    const auto made = Context::create(side, settings);
    return made ? std::string{} : made.error().message();
  };
  const auto server_side = Context::Side::server;
  EXPECT_THAT(why(server_side, {}), HasSubstr("needs a certificate"));
  EXPECT_THAT(why(server_side, {authority.file("nothing.pem")}),
              testing::AllOf(HasSubstr("nothing.pem"), HasSubstr("No such file")));
  const Settings other = authority.sign("other", "DNS:other");
  EXPECT_THAT(why(server_side, {server.certificate, other.key}), HasSubstr("other.key"));
  EXPECT_THAT(why(server_side, {server.certificate, server.key, server.key}), HasSubstr("the CA"));
  EXPECT_THAT(why(Context::Side::client, {"", server.key}), HasSubstr("has no certificate"));
}

}  // namespace
}  // namespace coworker::channel::tls
