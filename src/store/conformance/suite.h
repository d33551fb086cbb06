#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "async/loop.h"
#include "store/store.h"

/// What every store promises. Include it once in a test program and instantiate `StoreConformance` with
/// the program's backends; a case whose capability a store does not have passes when the store refuses.
namespace coworker::store {

/// A store on a loop of its own, empty at first, and what keeps it alive.
struct Opened {
  std::shared_ptr<async::Loop> loop;
  std::shared_ptr<void> keeps;  // a server, a folder; destroyed after the store
  std::unique_ptr<Store> store;
};

struct Backend {
  const char* name;
  std::function<Opened()> open;
};

class StoreConformance : public testing::TestWithParam<Backend> {
 protected:
  StoreConformance() : opened_{GetParam().open()} {}
  ~StoreConformance() override {
    opened_.store->close();
    opened_.store.reset();
  }

  using Reply = Result<job::Answer>;

  std::shared_ptr<std::optional<Reply>> start(job::Command command) {
    auto reply = std::make_shared<std::optional<Reply>>();
    opened_.store->apply(std::move(command), [reply](Reply got) { *reply = std::move(got); });
    return reply;
  }
  /// Runs the loop until the answer is there; a test that waits for longer than 10 s fails.
  Reply finish(const std::shared_ptr<std::optional<Reply>>& reply) {
    const auto limit = std::chrono::steady_clock::now() + Seconds{10};
    opened_.loop->restart();
    while (!*reply && std::chrono::steady_clock::now() < limit) opened_.loop->run_one_for(Millis{100});
    if (!*reply) return fail(Errc::unavailable, "no answer within 10 s");
    return **reply;
  }
  Reply try_ask(job::Command command) { return finish(start(std::move(command))); }
  template <class Answer>
  Answer ask(job::Command command) {
    Reply reply = try_ask(std::move(command));
    EXPECT_TRUE(reply) << reply.error().message();
    return reply ? std::get<Answer>(*reply) : Answer{};
  }

  job::JobId add(job::Add add) {
    const auto added = ask<job::Added>(std::move(add));
    EXPECT_EQ(added.outcome, job::Added::Outcome::created);
    return added.id;
  }
  std::vector<job::Delivery> claim(std::vector<std::string> queues, std::uint32_t count = 1) {
    return ask<job::Claimed>(job::Claim{.queues = std::move(queues), .count = count}).jobs;
  }
  job::Delivery claim_one(const std::string& queue) {
    auto jobs =
        ask<job::Claimed>(job::Claim{.queues = {queue}, .blocking = true, .wait = Seconds{5}, .ticket = ++tickets_})
            .jobs;
    EXPECT_EQ(jobs.size(), 1u);
    return jobs.empty() ? job::Delivery{} : jobs.front();
  }
  std::vector<std::string> bodies(const std::vector<job::Delivery>& jobs) {
    std::vector<std::string> all;
    for (const auto& job : jobs) all.push_back(job.body);
    return all;
  }
  job::Status one(job::Command command) { return ask<job::Statuses>(std::move(command)).each.at(0); }
  Capabilities can() const { return opened_.store->capabilities(); }

  Opened opened_;
  std::uint64_t tickets_ = 0;
};

TEST_P(StoreConformance, HandsOutWhatWasAddedInOrder) {
  const std::string binary{"\0\r\n\xff{}", 6};
  add({.queue = "q", .body = "first"});
  add({.queue = "q", .body = binary});
  add({.queue = "q", .body = ""});
  EXPECT_THAT(bodies(claim({"q"}, 10)), testing::ElementsAre("first", binary, ""));
  EXPECT_TRUE(claim({"q"}).empty());
}

TEST_P(StoreConformance, AckEndsAJob) {
  const auto id = add({.queue = "q", .body = "x"});
  const auto job = claim_one("q");
  EXPECT_EQ(job.id, id);
  EXPECT_EQ(one(job::Ack{{{job.id, job.token}}}), job::Status::done);
  EXPECT_EQ(one(job::Ack{{{job.id, job.token}}}), job::Status::not_found);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*try_ask(job::Show{id})));
}

TEST_P(StoreConformance, AWaitingClaimGetsAJobThatIsAddedLater) {
  const auto waiting = start(job::Claim{.queues = {"p", "q"}, .blocking = true, .ticket = ++tickets_});
  add({.queue = "q", .body = "x"});
  const auto reply = finish(waiting);
  ASSERT_TRUE(reply);
  EXPECT_THAT(bodies(std::get<job::Claimed>(*reply).jobs), testing::ElementsAre("x"));
}

TEST_P(StoreConformance, AWaitEndsWithNothing) {
  const auto jobs =
      ask<job::Claimed>(job::Claim{.queues = {"q"}, .blocking = true, .wait = Millis{20}, .ticket = ++tickets_}).jobs;
  EXPECT_TRUE(jobs.empty());
}

TEST_P(StoreConformance, ACancelledClaimLosesNoJob) {
  const auto waiting = start(job::Claim{.queues = {"q"}, .blocking = true, .ticket = ++tickets_});
  ask<job::Claimed>(job::Claim{.queues = {"other"}});  // the waiting one has arrived before this
  ask<job::Statuses>(job::CancelClaim{tickets_});
  const auto ended = finish(waiting);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(std::get<job::Claimed>(*ended).jobs.empty());
  add({.queue = "q", .body = "x"});
  EXPECT_EQ(claim_one("q").body, "x");
}

TEST_P(StoreConformance, ADelayedJobComesWhenItIsDue) {
  const auto before = boot_millis();
  add({.queue = "q", .body = "x", .delay = Seconds{1}});
  EXPECT_TRUE(claim({"q"}).empty());
  claim_one("q");
  EXPECT_GE(boot_millis() - before, 970);
}

TEST_P(StoreConformance, PriorityComesBeforeAge) {
  if (!can().priorities) GTEST_SKIP();
  add({.queue = "q", .body = "plain"});
  add({.queue = "q", .body = "urgent", .priority = -1});
  EXPECT_THAT(bodies(claim({"q"}, 2)), testing::ElementsAre("urgent", "plain"));
}

TEST_P(StoreConformance, ARetryKeepsTheIdAndCountsTheAttempt) {
  add({.queue = "q", .body = "x"});
  const auto job = claim_one("q");
  const auto reply = try_ask(job::Retry{{{.job = {job.id, job.token}, .delay = Millis{50}, .reason = "no network"}}});
  ASSERT_EQ(reply.has_value(), can().delayed_retry);
  if (!reply) return;
  const auto view = ask<job::View>(job::Show{job.id});
  EXPECT_EQ(view.state, job::State::scheduled);
  EXPECT_EQ(view.reason, "no network");
  const auto again = claim_one("q");
  EXPECT_EQ(again.id, job.id);
  EXPECT_EQ(again.attempts, 1);
  EXPECT_NE(again.token, job.token);
}

TEST_P(StoreConformance, AnOvertakenHolderIsRefused) {
  if (!can().fencing) GTEST_SKIP();
  add({.queue = "q", .body = "x"});
  const auto old = claim_one("q");
  one(job::Release{{{old.id, old.token}}});
  const auto now = claim_one("q");
  EXPECT_EQ(one(job::Ack{{{old.id, old.token}}}), job::Status::conflict);
  EXPECT_EQ(one(job::Extend{{{old.id, old.token}}}), job::Status::conflict);
  EXPECT_EQ(one(job::Ack{{{now.id, now.token}}}), job::Status::done);
}

TEST_P(StoreConformance, ReleaseCountsNothing) {
  add({.queue = "q", .body = "x"});
  const auto job = claim_one("q");
  EXPECT_EQ(one(job::Release{{{job.id, job.token}}}), job::Status::done);
  if (can().fencing) EXPECT_EQ(claim_one("q").attempts, 0);
}

TEST_P(StoreConformance, ASilentHolderIsGivenUp) {
  if (!can().fencing) GTEST_SKIP();
  add({.queue = "q", .body = "x"});
  const auto first = ask<job::Claimed>(job::Claim{.queues = {"q"}, .lease = Millis{50}}).jobs.at(0);
  const auto second = claim_one("q");
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.additional_deliveries, 1);
}

TEST_P(StoreConformance, BuryKeepsTheJobWithItsOriginAndReason) {
  if (!can().bury) GTEST_SKIP();
  add({.queue = "q", .body = "x"});
  const auto job = claim_one("q");
  EXPECT_EQ(one(job::Bury{.items = {{.job = {job.id, job.token}, .reason = "poison"}}, .failure_queue = "dead"}),
            job::Status::done);
  const auto view = ask<job::View>(job::Show{job.id});
  EXPECT_EQ(view.queue, "dead");
  EXPECT_EQ(view.origin, "q");
  EXPECT_EQ(view.reason, "poison");
  const auto dead = ask<job::Views>(job::ScanJobs{.count = 100, .dead = true}).jobs;
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].id, job.id);
}

TEST_P(StoreConformance, AUniqueKeyLetsOneJobIn) {
  if (!can().unique) GTEST_SKIP();
  const job::Add first{.queue = "q", .body = "x", .unique_key = "k"};
  const auto id = add(first);
  const auto again = ask<job::Added>(first);
  EXPECT_EQ(again.outcome, job::Added::Outcome::duplicate);
  EXPECT_EQ(again.id, id);
}

TEST_P(StoreConformance, AnIdempotentAddIsDoneOnce) {
  if (!can().idempotency) GTEST_SKIP();
  const job::Add first{.queue = "q", .body = "x", .idempotency_key = "k", .idempotency_window = Seconds{60}};
  const auto id = add(first);
  const auto job = claim_one("q");
  one(job::Ack{{{job.id, job.token}}});
  const auto again = ask<job::Added>(first);
  EXPECT_EQ(again.outcome, job::Added::Outcome::repeated);
  EXPECT_EQ(again.id, id);
}

TEST_P(StoreConformance, ARegisterOnlyGrows) {
  if (!can().registers) GTEST_SKIP();
  job::Add tick{.queue = "q", .body = "x", .register_name = "tick:1", .register_value = 7};
  add(tick);
  const auto again = try_ask(tick);
  EXPECT_TRUE(!again || std::get<job::Added>(*again).outcome == job::Added::Outcome::stale);
  tick.register_value = 8;
  add(tick);
}

TEST_P(StoreConformance, RegistersCanBeForgotten) {
  const auto forget = job::ForgetRegisters{"tick:", 8};
  if (!can().registers) {
    EXPECT_FALSE(try_ask(forget));
    return;
  }
  job::Add tick{.queue = "q", .body = "x", .register_name = "tick:1", .register_value = 7};
  add(tick);
  EXPECT_EQ(ask<job::Count>(forget).count, 1u);
  EXPECT_EQ(ask<job::Count>(forget).count, 0u);
  add(tick);
}

TEST_P(StoreConformance, WhatIsOnItsWayToADeadOwnerIsGivenBack) {
  if (!can().owners) {
    EXPECT_FALSE(try_ask(job::Disown{7}));
    EXPECT_FALSE(try_ask(job::Claim{.queues = {"q"}, .owner = 7}));
    return;
  }
  for (const char* body : {"a", "b", "c"}) add({.queue = "q", .body = body});
  const auto jobs = ask<job::Claimed>(job::Claim{.queues = {"q"}, .count = 3, .owner = 7}).jobs;
  ASSERT_EQ(jobs.size(), 3u);
  const auto waiting = start(job::Claim{.queues = {"q"}, .blocking = true, .ticket = ++tickets_, .owner = 7});
  one(job::Ack{{{jobs[0].id, jobs[0].token}}});
  EXPECT_EQ(ask<job::Count>(job::Disown{7, {{jobs[1].id, jobs[1].token}}}).count, 1u);
  const auto ended = finish(waiting);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(std::get<job::Claimed>(*ended).jobs.empty());
  const auto again = claim_one("q");
  EXPECT_EQ(again.id, jobs[2].id);
  EXPECT_EQ(again.attempts + again.additional_deliveries + again.nacks, 0);
  EXPECT_EQ(one(job::Ack{{{jobs[1].id, jobs[1].token}}}), job::Status::done) << "the spared one is still held";
  add({.queue = "q", .body = "d"});
  EXPECT_TRUE(ask<job::Claimed>(job::Claim{.queues = {"q"}, .owner = 7}).jobs.empty()) << "it is no more";
  EXPECT_EQ(claim_one("q").body, "d");
}

TEST_P(StoreConformance, ADeadJobIsRevivedUnderItsIdOrMoved) {
  if (!can().revival) {
    EXPECT_FALSE(try_ask(job::MoveDead{{{job::JobId{}, Seconds{0}}}, "q", true}));
    return;
  }
  const auto first = add({.queue = "q", .body = "x"});
  const auto second = add({.queue = "q", .body = "y"});
  for (const auto& job : claim({"q"}, 2)) {
    one(job::Bury{.items = {{.job = {job.id, job.token}, .crashed = true, .reason = "broken"}}});
  }
  const auto moved = ask<job::Statuses>(job::MoveDead{{{first, Seconds{0}}, {second, Seconds{0}}}, "elsewhere", false});
  EXPECT_EQ(moved.done(), 2);
  auto view = ask<job::View>(job::Show{first});
  EXPECT_EQ(view.queue, "elsewhere");
  EXPECT_EQ(view.origin, "q");
  EXPECT_EQ(view.attempts, 1);
  EXPECT_EQ(ask<job::Statuses>(job::MoveDead{{{first, Seconds{1'000}}}, "", true}).done(), 1);
  EXPECT_EQ(ask<job::Statuses>(job::MoveDead{{{second, Seconds{0}}}, "another", true}).done(), 1);
  view = ask<job::View>(job::Show{first});
  EXPECT_EQ(view.queue, "q");
  EXPECT_EQ(view.origin, "");
  EXPECT_EQ(view.attempts + view.crashes, 0);
  EXPECT_LE(view.ttl_left, Seconds{1'001});
  EXPECT_EQ(claim_one("q").id, first);
  EXPECT_EQ(claim_one("another").body, "y");
  EXPECT_EQ(one(job::MoveDead{{{first, Seconds{0}}}, "", true}), job::Status::conflict) << "it is not dead";
}

TEST_P(StoreConformance, AGroupHasALimit) {
  if (!can().groups) GTEST_SKIP();
  ask<job::QueueView>(job::SetQueue{.queue = "q", .group_limit = 1});
  add({.queue = "q", .body = "a1", .group = "a"});
  add({.queue = "q", .body = "a2", .group = "a"});
  add({.queue = "q", .body = "b1", .group = "b"});
  const auto jobs = claim({"q"}, 10);
  EXPECT_THAT(bodies(jobs), testing::ElementsAre("a1", "b1"));
  one(job::Ack{{{jobs.at(0).id, jobs.at(0).token}}});
  EXPECT_EQ(claim_one("q").body, "a2");
}

TEST_P(StoreConformance, APausedQueueTakesAndGivesNothing) {
  add({.queue = "q", .body = "x"});
  ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_in = true, .pause_out = true});
  const auto refused = try_ask(job::Add{.queue = "q", .body = "y"});
  EXPECT_TRUE(!refused || std::get<job::Added>(*refused).outcome == job::Added::Outcome::paused);
  EXPECT_TRUE(claim({"q"}).empty());
  ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_in = false, .pause_out = false});
  EXPECT_EQ(claim_one("q").body, "x");
}

TEST_P(StoreConformance, PeekAndStatLookWithoutTaking) {
  add({.queue = "q", .body = "a"});
  add({.queue = "q", .body = "b"});
  const auto views = ask<job::Views>(job::Peek{"q", 1}).jobs;
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].body, "a");
  EXPECT_EQ(ask<job::QueueView>(job::QueueStat{"q"}).ready, 2u);
  EXPECT_EQ(claim({"q"}, 5).size(), 2u);
}

TEST_P(StoreConformance, ScansFindAllQueuesAndJobs) {
  for (int i = 0; i < 30; ++i) add({.queue = "q" + std::to_string(i % 3), .body = "x"});
  std::set<std::string> queues;
  std::set<std::string> jobs;
  std::uint64_t cursor = 0;
  do {
    const auto page = ask<job::QueuePage>(job::ScanQueues{.cursor = cursor, .count = 2});
    for (const auto& view : page.queues) queues.insert(view.name);
    cursor = page.cursor;
  } while (cursor != 0);
  do {
    const auto page = ask<job::Views>(job::ScanJobs{.cursor = cursor, .count = 7});
    for (const auto& view : page.jobs) jobs.insert(job::to_string(view.id));
    cursor = page.cursor;
  } while (cursor != 0);
  EXPECT_THAT(queues, testing::ElementsAre("q0", "q1", "q2"));
  EXPECT_EQ(jobs.size(), 30u);
}

TEST_P(StoreConformance, SaysWhetherAClaimStillHolds) {
  if (!opened_.store->capabilities().fencing) return;
  const job::JobId id = add({.queue = "q", .body = "x"});
  const job::Delivery job = claim_one("q");
  const auto held = [&] { return ask<job::Statuses>(job::Held{{{job.id, job.token}}}).each.at(0); };
  EXPECT_EQ(held(), job::Status::done);
  ask<job::Statuses>(job::Remove{{id}});
  EXPECT_EQ(held(), job::Status::not_found);
}

TEST_P(StoreConformance, KeepsEventsOfJobsBeyondTheirEnd) {
  const job::JobId id = add({.queue = "q", .body = "x"});
  const auto recorded = try_ask(job::Record{{{id, R"({"n":1})"}, {id, R"({"n":2})"}}});
  if (!opened_.store->capabilities().history) {
    EXPECT_FALSE(recorded);
    return;
  }
  ASSERT_TRUE(recorded) << recorded.error().message();
  ask<job::Statuses>(job::Remove{{id}});
  ask<job::Count>(job::Record{{{id, R"({"n":3})"}}});
  const auto first = ask<job::HistoryPage>(job::History{.id = id, .count = 2});
  EXPECT_THAT(first.events, testing::ElementsAre(R"({"n":1})", R"({"n":2})"));
  const auto rest = ask<job::HistoryPage>(job::History{.id = id, .after = first.cursor});
  EXPECT_THAT(rest.events, testing::ElementsAre(R"({"n":3})"));
}

TEST_P(StoreConformance, AnEventThatIsNoJsonObjectIsRefused) {
  if (!opened_.store->capabilities().history) return;
  const job::JobId id = add({.queue = "q", .body = "x"});
  for (const std::string& event : {std::string{"{"}, std::string{"17"}, std::string{"{\n}"}}) {
    const auto reply = try_ask(job::Record{{{id, event}}});
    ASSERT_FALSE(reply) << event;
    EXPECT_EQ(reply.error().code(), Errc::invalid_argument);
  }
}

TEST_P(StoreConformance, AnImpossibleAddIsRefusedWithAReason) {
  const auto reply = try_ask(job::Add{.queue = "q", .body = "x", .delay = Seconds{20}, .ttl = Seconds{10}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::invalid_argument);
  EXPECT_FALSE(reply.error().message().empty());
}

TEST_P(StoreConformance, AClosedStoreAnswersUnavailable) {
  const auto waiting = start(job::Claim{.queues = {"q"}, .blocking = true, .ticket = ++tickets_});
  opened_.store->close();
  EXPECT_TRUE(waiting->has_value()) << "every Done is called, at the latest by close";
  const auto reply = try_ask(job::Add{.queue = "q", .body = "x"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::unavailable);
}

}  // namespace coworker::store
