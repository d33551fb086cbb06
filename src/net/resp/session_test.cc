#include "net/resp/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <deque>
#include <optional>

#include "async/loop.h"
#include "net/resp/command.h"
#include "net/resp/error.h"
#include "net/resp/node.h"

namespace coworker::net::resp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Keeps what it is asked; the test answers.
class HeldStore final : public store::Store {
 public:
  void apply(job::Command command, Done done) override { asked.push_back({std::move(command), std::move(done)}); }
  store::Capabilities capabilities() const override { return {.fencing = true}; }
  std::string url() const override { return "held:"; }
  void close() override {}

  /// Answers the oldest question.
  void answer(Result<job::Answer> with) {
    ASSERT_FALSE(asked.empty());
    const Done done = std::move(asked.front().done);
    asked.pop_front();
    done(std::move(with));
  }
  template <class Command>
  const Command* oldest() const {
    return asked.empty() ? nullptr : std::get_if<Command>(&asked.front().command);
  }

  struct Question {
    job::Command command;
    Done done;
  };
  std::deque<Question> asked;
};

/// A session whose other end of the socket the test holds, and the host that gives it its turns.
class SessionTest : public testing::Test, public Host {
 protected:
  SessionTest() { node_.stats.commands.resize(commands().size()); }

  void open() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client_ = Fd{ends[1]};
    session_.emplace(loop_.get_executor(), node_, 7, Fd{ends[0]}, Peer{});
    node_.sessions.emplace(7, &*session_);
    session_->start();
  }

  void later(Session&) override { wants_turn_ = true; }
  void after(Millis, std::function<void()>) override {}
  void pause(Millis) override {}
  void ended(Session&) override { ended_ = true; }
  void shut_down() override {}

  /// Until nothing is ready.
  void run() {
    do {
      if (std::exchange(wants_turn_, false)) session_->turn();
      loop_.restart();
      loop_.poll();
    } while (wants_turn_);
  }

  void send(std::string_view bytes) {
    ASSERT_EQ(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    run();
  }

  std::string received() {
    char buffer[4096];
    const ssize_t size = ::recv(client_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : size == 0 ? "closed" : "";
  }

  void answer(Result<job::Answer> with) {
    store_.answer(std::move(with));
    run();
  }

  static job::Claimed one_job() {
    job::Delivery job;
    job.id.key = job::Key{5};
    job.token = job::Token{99};
    job.queue = "q";
    job.body = "b";
    return {{job}};
  }

  async::Loop loop_{1};
  HeldStore store_;
  Node node_{store_, *this, Identity{}, Settings{}, Limits{}};
  std::optional<Session> session_;
  Fd client_;
  bool wants_turn_ = false;
  bool ended_ = false;
};

constexpr std::string_view kNoId = "D-00000000-AAAAAAAAAAAAAAAAAAAAAAAA-0000";

TEST_F(SessionTest, RepliesWaitForTheStoreInTheOrderOfTheRequests) {
  open();
  send("ADDJOB q a 0\r\nPING\r\nADDJOB q b 0\r\n");
  EXPECT_EQ(store_.asked.size(), 2u);
  EXPECT_EQ(received(), "");
  answer(job::Added{});
  EXPECT_EQ(received(), "+" + std::string{kNoId} + "\r\n+PONG\r\n");
  answer(job::Added{});
  EXPECT_EQ(received(), "+" + std::string{kNoId} + "\r\n");
}

TEST_F(SessionTest, NothingIsExecutedBehindAClaimThatWaits) {
  open();
  send("GETJOB FROM q\r\nADDJOB q a 0\r\n");
  ASSERT_EQ(store_.asked.size(), 1u);
  ASSERT_NE(store_.oldest<job::Claim>(), nullptr);
  EXPECT_TRUE(store_.oldest<job::Claim>()->blocking);
  answer(one_job());
  EXPECT_NE(received().find("$1\r\nb\r\n"), std::string::npos);
  EXPECT_NE(store_.oldest<job::Add>(), nullptr);
}

TEST_F(SessionTest, AQuestionAboutAQueueWaitsForTheClientsOwnAdds) {
  open();
  send("ADDJOB q a 0\r\nQLEN q\r\nPING\r\n");
  ASSERT_EQ(store_.asked.size(), 1u);
  answer(job::Added{});
  ASSERT_NE(store_.oldest<job::QueueStat>(), nullptr);
  received();
  answer(job::QueueView{.name = "q", .ready = 1});
  EXPECT_EQ(received(), ":1\r\n+PONG\r\n");
}

TEST_F(SessionTest, ExecutesNoMoreThanItMayOwe) {
  node_.limits.open_replies = 4;
  open();
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += "ADDJOB q a 0\r\n";
  send(requests);
  EXPECT_EQ(store_.asked.size(), 4u);
  for (int i = 0; i < 3; ++i) answer(job::Added{});
  EXPECT_EQ(store_.asked.size(), 4u);
  for (int i = 0; i < 7; ++i) answer(job::Added{});
  EXPECT_THAT(store_.asked, IsEmpty());
}

TEST_F(SessionTest, StopsReadingAheadOfAClaimThatWaits) {
  node_.limits.read_ahead = 1000;
  open();
  send("GETJOB FROM q\r\n");
  send(std::string(1000, '\n'));
  send(std::string(1000, '\n'));
  EXPECT_EQ(session_->unread(), 1000u);
  answer(job::Claimed{});
  EXPECT_EQ(session_->unread(), 0u);
  EXPECT_EQ(received(), "*-1\r\n");
}

TEST_F(SessionTest, WhatAVanishedClientWasServedIsGivenBack) {
  open();
  send("GETJOB FROM q\r\n");
  const std::uint64_t ticket = store_.oldest<job::Claim>()->ticket;
  client_.reset();
  run();
  ASSERT_EQ(store_.asked.size(), 2u);
  EXPECT_EQ(std::get<job::CancelClaim>(store_.asked[1].command).ticket, ticket);
  EXPECT_FALSE(ended_);  // the store still has a Done of it
  answer(one_job());     // it was served before the cancel came
  EXPECT_TRUE(ended_);
  answer(job::Statuses{{job::Status::not_found}});
  const auto* release = store_.oldest<job::Release>();
  ASSERT_NE(release, nullptr);
  EXPECT_EQ(release->jobs[0].token, job::Token{99});
  EXPECT_EQ(release->jobs[0].id.key, job::Key{5});
}

TEST_F(SessionTest, LeasesAreReleasedWithTheConnectionOnlyWhenAsked) {
  for (const bool asked : {true, false}) {
    open();
    send(asked ? "CW.HELLO RELEASE on\r\nCW.CLAIM 1 -1 0 q\r\n" : "CW.CLAIM 1 -1 0 q\r\n");
    answer(one_job());
    client_.reset();
    run();
    EXPECT_EQ(store_.oldest<job::Release>() != nullptr, asked);
    EXPECT_TRUE(std::exchange(ended_, false));
    store_.asked.clear();
  }
}

TEST_F(SessionTest, AnsweredLeasesAreNotReleased) {
  open();
  send("CW.HELLO RELEASE on\r\nCW.CLAIM 1 -1 0 q\r\n");
  answer(one_job());
  job::JobId id;
  id.key = job::Key{5};
  send("CW.ACK " + job::to_string(id) + " 99\r\n");
  answer(job::Statuses{{job::Status::done}});
  client_.reset();
  run();
  EXPECT_THAT(store_.asked, IsEmpty());
}

TEST_F(SessionTest, AStoreThatCannotWriteShowsInAddsAndPings) {
  open();
  send("ADDJOB q a 0\r\n");
  answer(fail(Errc::resource_exhausted, "the disk is full"));
  EXPECT_EQ(received(), "-MISCONF the disk is full\r\n");
  send("PING\r\n");
  answer(job::StoreTotals{.writable = false, .trouble = "no room"});
  EXPECT_EQ(received(), "-MISCONF the store takes no jobs: no room\r\n");
  send("ADDJOB q a 0\r\n");
  answer(job::Added{});
  received();
  send("PING\r\n");
  EXPECT_EQ(received(), "+PONG\r\n");
}

TEST_F(SessionTest, FinishingAnswersWhatIsOwedAndExecutesNothingMore) {
  open();
  send("ADDJOB q a 0\r\n");
  session_->finish();
  send("PING\r\n");
  EXPECT_EQ(received(), "");
  answer(job::Added{});
  EXPECT_EQ(received(), "+" + std::string{kNoId} + "\r\n");
  EXPECT_EQ(received(), "closed");
  EXPECT_TRUE(ended_);
}

TEST_F(SessionTest, AnIdleConnectionHoldsNoBuffers) {
  open();
  send("ADDJOB q " + std::string(3000, 'x') + " 0\r\n");
  answer(job::Added{});
  session_->watch(Session::Clock::now());
  EXPECT_EQ(session_->unread(), 0u);
  EXPECT_EQ(session_->unsent(), 0u);
  EXPECT_EQ(node_.buffered_requests, 0u);
  EXPECT_EQ(node_.spare_outputs.size(), 0u);  // a short reply does not need one
}

TEST_F(SessionTest, AClientIsClosedWhenItFetchesNothingForTooLong) {
  node_.settings.output = {.hard = 0, .soft = 1000, .soft_for = Seconds{60}};
  open();
  send("GETJOB FROM q\r\n");
  job::Claimed claimed = one_job();
  claimed.jobs[0].body.assign(4 << 20, 'x');
  answer(std::move(claimed));
  ASSERT_GT(session_->unsent(), 1000u);
  const Session::Clock::time_point start = Session::Clock::now();
  session_->watch(start);
  session_->watch(start + std::chrono::seconds{59});
  ASSERT_FALSE(session_->closed());
  while (!received().empty()) {
  }
  run();  // there is room again, and more of it leaves
  session_->watch(start + std::chrono::seconds{70});
  session_->watch(start + std::chrono::seconds{129});
  ASSERT_FALSE(session_->closed());
  session_->watch(start + std::chrono::seconds{130});
  EXPECT_TRUE(session_->closed());
}

TEST_F(SessionTest, AnIdleClientIsClosedWhenThatIsWished) {
  node_.settings.idle_timeout = 10;
  open();
  session_->watch(Session::Clock::now() + std::chrono::seconds{9});
  EXPECT_FALSE(session_->closed());
  session_->watch(Session::Clock::now() + std::chrono::seconds{11});
  EXPECT_TRUE(session_->closed());
  run();
  EXPECT_TRUE(ended_);
}

TEST(ErrorMap, EveryErrorHasACodeWord) {
  EXPECT_EQ(code_word(Errc::invalid_argument), "ERR");
  EXPECT_EQ(code_word(Errc::not_found), "NOJOB");
  EXPECT_EQ(code_word(Errc::conflict), "CONFLICT");
  EXPECT_EQ(code_word(Errc::resource_exhausted), "MISCONF");
  EXPECT_EQ(code_word(Errc::unavailable), "LEAVING");
  EXPECT_EQ(code_word(Errc::denied), "NOAUTH");
  EXPECT_EQ(code_word(Errc::corrupt), "MISCONF");
  EXPECT_EQ(code_word(Errc::internal), "MISCONF");
}

TEST(CommandTable, NamesAreUniqueAndInLowerCase) {
  for (const CommandSpec& spec : commands()) {
    EXPECT_EQ(find_command(spec.name), &spec);
    EXPECT_TRUE(same_word(spec.name, spec.name));
  }
  EXPECT_EQ(find_command("AddJob"), find_command("addjob"));
  EXPECT_EQ(find_command("addjobaddjobaddjobaddjob"), nullptr);
  EXPECT_EQ(find_command(""), nullptr);
}

}  // namespace
}  // namespace coworker::net::resp
