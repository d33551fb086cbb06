#include "engine/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_store.h"

namespace coworker::engine {
namespace {

using namespace std::chrono_literals;
using job::Status;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Engine : public testing::Test {
 protected:
  TestStore store_;

  job::JobId add(const std::string& queue, const std::string& body = "x") {
    return store_.add(job::Add{.queue = queue, .body = body});
  }
  std::vector<std::string> claim(std::vector<std::string> queues, std::uint32_t count = 1) {
    std::vector<std::string> bodies;
    for (const auto& job : store_.claim(std::move(queues), count)) bodies.push_back(job.body);
    return bodies;
  }
  Status ack(const job::Delivery& job) {
    return store_.ask<job::Statuses>(job::Ack{{{job.id, job.token}}}).each.front();
  }
  job::View show(const job::JobId& id) { return store_.ask<job::View>(job::Show{id}); }
  job::QueueView stat(const std::string& queue) { return store_.ask<job::QueueView>(job::QueueStat{queue}); }
};

TEST_F(Engine, HandsOutInOrderOfCreation) {
  for (const char* body : {"a", "b", "c"}) add("q", body);
  EXPECT_THAT(claim({"q"}, 2), ElementsAre("a", "b"));
  EXPECT_THAT(claim({"q"}, 2), ElementsAre("c"));
  EXPECT_THAT(claim({"q"}), IsEmpty());
}

TEST_F(Engine, AJobCanBeClaimedOnlyOnceItsAddIsCommitted) {
  store_.auto_commit = false;
  add("q", "a");
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .ticket = 7}));
  store_.commit();
  EXPECT_THAT(store_.served(7), SizeIs(1));
}

TEST_F(Engine, LowerPriorityNumbersRunFirst) {
  store_.add({.queue = "q", .body = "late", .priority = 5});
  store_.add({.queue = "q", .body = "urgent", .priority = -3});
  store_.add({.queue = "q", .body = "plain"});
  EXPECT_THAT(claim({"q"}, 3), ElementsAre("urgent", "plain", "late"));
}

TEST_F(Engine, GoesRoundTheQueuesAsDisqueDoes) {
  for (int i = 0; i < 3; ++i) {
    add("a", "a" + std::to_string(i));
    add("b", "b" + std::to_string(i));
  }
  EXPECT_THAT(claim({"b", "a"}, 5), ElementsAre("b0", "a0", "b1", "a1", "b2"));
}

TEST_F(Engine, AWeightedQueueGetsItsShareOverManyFairClaims) {
  store_.ask<job::QueueView>(job::SetQueue{.queue = "heavy", .weight = 3});
  for (int i = 0; i < 80; ++i) {
    add("heavy", "heavy");
    add("light", "light");
  }
  int heavy = 0;
  for (int i = 0; i < 40; ++i) {
    const auto claimed = store_.ask<job::Claimed>(job::Claim{.queues = {"light", "heavy"}, .fair = true});
    heavy += claimed.jobs.at(0).queue == "heavy" ? 1 : 0;
  }
  EXPECT_NEAR(heavy, 30, 2);
}

TEST_F(Engine, ARetriedJobKeepsItsPlaceInTime) {
  for (const char* body : {"a", "b", "c", "d"}) add("q", body);
  const auto jobs = store_.claim({"q"}, 2);
  store_.ask<job::Statuses>(job::Retry{{{.job = {jobs[1].id, jobs[1].token}}}});
  EXPECT_THAT(claim({"q"}, 3), ElementsAre("b", "c", "d"));
}

TEST_F(Engine, OutOfOrderReturnsAreHandedOutByCreation) {
  std::vector<std::string> want;
  for (int i = 0; i < 100; ++i) add("q", want.emplace_back(std::to_string(i)));
  auto jobs = store_.claim({"q"}, 100);
  for (const int step : {7, 3, 11}) {
    for (std::size_t i = 0; i < 100; ++i) {
      const auto& job = jobs[i * static_cast<std::size_t>(step) % 100];
      store_.ask<job::Statuses>(job::Release{{{job.id, job.token}}});
    }
    jobs = store_.claim({"q"}, 100);
    std::vector<std::string> got;
    for (const auto& job : jobs) got.push_back(job.body);
    EXPECT_EQ(got, want);
  }
}

TEST_F(Engine, AckOfALostLeaseIsAConflictAndAPlainAckIsNot) {
  add("q");
  const auto first = store_.claim({"q"}).at(0);
  store_.advance(301s);
  const auto second = store_.claim({"q"}).at(0);
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(second.additional_deliveries, 1);
  EXPECT_EQ(ack(first), Status::conflict);
  EXPECT_EQ(ack(second), Status::done);
  EXPECT_EQ(ack(second), Status::not_found);
}

TEST_F(Engine, ExtendingKeepsTheLease) {
  add("q");
  const auto job = store_.claim({"q"}).at(0);
  for (int i = 0; i < 5; ++i) {
    store_.advance(200s);
    EXPECT_THAT(store_.ask<job::Statuses>(job::Extend{{{job.id, job.token}}}).each, ElementsAre(Status::done));
  }
  EXPECT_THAT(claim({"q"}), IsEmpty());
  store_.advance(301s);
  EXPECT_THAT(store_.ask<job::Statuses>(job::Extend{{{job.id, job.token}}}).each, ElementsAre(Status::conflict));
}

TEST_F(Engine, AnAtMostOnceJobNeverRunsTwice) {
  const auto id = store_.add({.queue = "q", .body = "x", .retry = 0s});
  EXPECT_TRUE(id.at_most_once());
  const auto job = store_.claim({"q"}).at(0);
  EXPECT_EQ(store_.wait, Effects::Wait::synced);
  EXPECT_THAT(store_.ask<job::Statuses>(job::Retry{{{.job = {job.id, job.token}}}}).each,
              ElementsAre(Status::conflict));
  EXPECT_THAT(store_.ask<job::Statuses>(job::Enqueue{.jobs = {id}, .nack = true}).each, ElementsAre(Status::conflict));
  store_.advance(86'399s);
  EXPECT_THAT(claim({"q"}), IsEmpty());
  store_.advance(2s);
  EXPECT_THAT(claim({"q"}), IsEmpty());
  EXPECT_EQ(store_.state->jobs(), 0u);
}

TEST_F(Engine, DelaysHoldAJobBack) {
  store_.add({.queue = "q", .body = "x", .delay = 1500ms});
  EXPECT_EQ(stat("q").scheduled, 1u);
  store_.advance(1499ms);
  EXPECT_THAT(claim({"q"}), IsEmpty());
  store_.advance(1ms);
  EXPECT_THAT(claim({"q"}), ElementsAre("x"));
}

TEST_F(Engine, RetryCountsTheAttemptAndWaits) {
  const auto id = add("q");
  const auto job = store_.claim({"q"}).at(0);
  store_.ask<job::Statuses>(job::Retry{{{{job.id, job.token}, 10s, true, "exit code 3"}}});
  EXPECT_EQ(show(id).attempts, 1);
  EXPECT_EQ(show(id).crashes, 1);
  EXPECT_EQ(show(id).reason, "exit code 3");
  EXPECT_EQ(ack(job), Status::conflict);
  store_.advance(9999ms);
  EXPECT_THAT(claim({"q"}), IsEmpty());
  store_.advance(1ms);
  EXPECT_EQ(store_.claim({"q"}).at(0).attempts, 1);
}

TEST_F(Engine, BuryMovesToTheFailureQueueUnderTheSameId) {
  store_.ask<job::QueueView>(job::SetQueue{.queue = "q", .failure_queue = "broken"});
  const auto id = store_.add({.queue = "q", .body = "x", .unique_key = "k"});
  const auto job = store_.claim({"q"}).at(0);
  store_.ask<job::Statuses>(job::Bury{.items = {{{job.id, job.token}, false, "no such file"}}});
  const auto view = show(id);
  EXPECT_EQ(view.queue, "broken");
  EXPECT_EQ(view.origin, "q");
  EXPECT_EQ(view.reason, "no such file");
  EXPECT_EQ(stat("broken").dead, 1u);
  EXPECT_EQ(store_.ask<job::Added>(job::Add{.queue = "q", .body = "y", .unique_key = "k"}).outcome,
            job::Added::Outcome::created);
  EXPECT_EQ(store_.claim({"broken"}).at(0).id, id);
}

TEST_F(Engine, ExpiryRemovesPlainJobsBuriesOthersAndSparesLeasedOnes) {
  const auto plain = store_.add({.queue = "q", .body = "plain", .ttl = 10s});
  const auto kept = store_.add({.queue = "q", .body = "kept", .ttl = 10s, .bury_on_expiry = true});
  store_.add({.queue = "r", .body = "leased", .ttl = 10s});
  const auto leased = store_.claim({"r"}).at(0);
  store_.advance(12s);
  EXPECT_EQ(store_.state->jobs(), 2u);
  EXPECT_EQ(show(kept).queue, "failed-jobs");
  EXPECT_EQ(ack(leased), Status::done);
  EXPECT_FALSE(store_.known(plain));
  EXPECT_EQ(store_.ask<job::StoreTotals>(job::Totals{}).expired, 2u);
}

TEST_F(Engine, AUniqueKeyIsHeldUntilTheAck) {
  const job::Add first{.queue = "q", .body = "x", .unique_key = "k"};
  const auto id = store_.add(first);
  auto again = store_.ask<job::Added>(first);
  EXPECT_EQ(again.outcome, job::Added::Outcome::duplicate);
  EXPECT_EQ(again.id, id);
  const auto job = store_.claim({"q"}).at(0);
  EXPECT_EQ(store_.ask<job::Added>(first).outcome, job::Added::Outcome::duplicate);
  ack(job);
  EXPECT_EQ(store_.ask<job::Added>(first).outcome, job::Added::Outcome::created);
}

TEST_F(Engine, AnIdempotencyKeyOutlivesItsJob) {
  const job::Add add{.queue = "q", .body = "x", .idempotency_key = "k", .idempotency_window = 60s};
  const auto id = store_.add(add);
  ack(store_.claim({"q"}).at(0));
  EXPECT_EQ(store_.ask<job::Added>(add).outcome, job::Added::Outcome::repeated);
  EXPECT_EQ(store_.ask<job::Added>(add).id, id);
  store_.advance(61s);
  EXPECT_EQ(store_.ask<job::Added>(add).outcome, job::Added::Outcome::created);
}

TEST_F(Engine, ARegisterLetsOnlyGreaterValuesPass) {
  job::Add add{.queue = "q", .body = "x", .register_name = "tick:1", .register_value = 5};
  EXPECT_EQ(store_.ask<job::Added>(add).outcome, job::Added::Outcome::created);
  EXPECT_EQ(store_.ask<job::Added>(add).outcome, job::Added::Outcome::stale);
  add.register_value = 6;
  EXPECT_EQ(store_.ask<job::Added>(add).outcome, job::Added::Outcome::created);
}

TEST_F(Engine, AGroupAtItsLimitIsPassedOver) {
  store_.ask<job::QueueView>(job::SetQueue{.queue = "q", .group_limit = 1});
  for (const char* body : {"a1", "a2"}) store_.add({.queue = "q", .body = body, .group = "a"});
  store_.add({.queue = "q", .body = "b1", .group = "b"});
  const auto jobs = store_.claim({"q"}, 5);
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].body, "a1");
  EXPECT_EQ(jobs[1].body, "b1");
  ack(jobs[0]);
  EXPECT_THAT(claim({"q"}, 5), ElementsAre("a2"));
}

TEST_F(Engine, GroupsTakeTurns) {
  for (const char* body : {"a1", "a2", "a3"}) store_.add({.queue = "q", .body = body, .group = "a"});
  for (const char* body : {"b1", "b2"}) store_.add({.queue = "q", .body = body, .group = "b"});
  EXPECT_THAT(claim({"q"}, 5), ElementsAre("a1", "b1", "a2", "b2", "a3"));
}

TEST_F(Engine, AQueueLimitHoldsAndFreesInOrder) {
  store_.ask<job::QueueView>(job::SetQueue{.queue = "q", .limit = 2});
  for (const char* body : {"a", "b", "c"}) add("q", body);
  const auto jobs = store_.claim({"q"}, 5);
  EXPECT_THAT(jobs, SizeIs(2));
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .blocking = true, .ticket = 1}));
  ack(jobs[0]);
  EXPECT_EQ(store_.served(1).at(0).body, "c");
}

TEST_F(Engine, BlockedClaimsAreServedFirstComeFirstServed) {
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .count = 9, .blocking = true, .ticket = 1}));
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"p", "q"}, .blocking = true, .ticket = 2}));
  store_.auto_commit = false;
  for (const char* body : {"a", "b", "c"}) add("q", body);
  store_.commit();
  EXPECT_EQ(store_.served(1).at(0).body, "a") << "exactly one, as Disque does";
  EXPECT_EQ(store_.served(2).at(0).body, "b");
  EXPECT_EQ(stat("q").ready, 1u);
}

TEST_F(Engine, AFillingClaimTakesAllItCan) {
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .count = 9, .blocking = true, .fill = true, .ticket = 1}));
  store_.auto_commit = false;
  for (const char* body : {"a", "b", "c"}) add("q", body);
  store_.commit();
  EXPECT_THAT(store_.served(1), SizeIs(3));
}

TEST_F(Engine, AWaitEndsAtItsDeadlineOrWhenCancelled) {
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .blocking = true, .wait = 300ms, .ticket = 1}));
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .blocking = true, .ticket = 2}));
  store_.advance(299ms);
  EXPECT_FALSE(store_.was_served(1));
  store_.advance(1ms);
  EXPECT_TRUE(store_.was_served(1));
  EXPECT_THAT(store_.ask<job::Statuses>(job::CancelClaim{2}).each, ElementsAre(Status::done));
  EXPECT_THAT(store_.ask<job::Statuses>(job::CancelClaim{2}).each, ElementsAre(Status::not_found));
  add("q");
  EXPECT_EQ(stat("q").ready, 1u) << "a cancelled claim loses no job";
}

TEST_F(Engine, PausesHoldInBothDirections) {
  add("q", "a");
  store_.ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_in = true, .pause_out = true});
  EXPECT_EQ(store_.ask<job::Added>(job::Add{.queue = "q", .body = "b"}).outcome, job::Added::Outcome::paused);
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .blocking = true, .ticket = 1}));
  store_.ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_out = false});
  EXPECT_EQ(store_.served(1).at(0).body, "a");
}

TEST_F(Engine, MaxLengthCountsWhatIsInTheQueue) {
  const job::Add add{.queue = "q", .body = "x", .max_length = 2};
  store_.add(add);
  store_.add(add);
  EXPECT_EQ(store_.ask<job::Added>(add).outcome, job::Added::Outcome::full);
  store_.claim({"q"});
  EXPECT_EQ(store_.ask<job::Added>(add).outcome, job::Added::Outcome::created);
}

TEST_F(Engine, EnqueueDequeueAndWorkingDoWhatDisqueDoes) {
  const auto id = add("q");
  const auto one = [&](auto command) { return store_.ask<job::Statuses>(command).each.front(); };
  EXPECT_EQ(one(job::Dequeue{{id}}), Status::done);
  EXPECT_EQ(one(job::Dequeue{{id}}), Status::conflict);
  EXPECT_EQ(one(job::Enqueue{.jobs = {id}}), Status::done);
  EXPECT_EQ(show(id).additional_deliveries, 1);
  store_.claim({"q"});
  EXPECT_EQ(one(job::Enqueue{.jobs = {id}, .nack = true}), Status::done);
  EXPECT_EQ(show(id).nacks, 1);
  EXPECT_EQ(store_.ask<job::Worked>(job::Working{id}).retry, 300s);
  EXPECT_THAT(claim({"q"}), IsEmpty());
  store_.advance(300s);
  EXPECT_THAT(claim({"q"}), SizeIs(1));
  store_.advance(43'300s);
  EXPECT_EQ(store_.ask<job::Worked>(job::Working{id}).outcome, job::Worked::Outcome::too_late);
}

TEST_F(Engine, AForeignOrGuessedIdNamesNothing) {
  auto id = add("q");
  id.salt[0] ^= 1;
  EXPECT_FALSE(store_.known(id));
  EXPECT_THAT(store_.ask<job::Statuses>(job::Remove{{id}}).each, ElementsAre(Status::not_found));
}

TEST_F(Engine, PurgeRemovesOneQueueOrAll) {
  for (int i = 0; i < 3; ++i) add("a");
  add("b");
  store_.claim({"a"});
  EXPECT_EQ(store_.ask<job::Count>(job::Purge{.queue = "a"}).count, 3u);
  EXPECT_EQ(store_.state->jobs(), 1u);
  EXPECT_EQ(store_.ask<job::Count>(job::Purge{.all = true}).count, 1u);
}

TEST_F(Engine, ScansSeeEveryJobOnce) {
  for (int i = 0; i < 250; ++i) add(i % 2 == 0 ? "even" : "odd");
  std::size_t seen = 0;
  std::uint64_t cursor = 0;
  do {
    const auto page = store_.ask<job::Views>(job::ScanJobs{.cursor = cursor, .count = 30, .queue = "odd"});
    seen += page.jobs.size();
    cursor = page.cursor;
  } while (cursor != 0);
  EXPECT_EQ(seen, 125u);
}

TEST_F(Engine, PeekLooksFromEitherEnd) {
  for (const char* body : {"a", "b", "c"}) add("q", body);
  const auto ids = [&](std::int64_t count) {
    std::vector<std::string> bodies;
    for (const auto& view : store_.ask<job::Views>(job::Peek{"q", count}).jobs) bodies.push_back(view.body);
    return bodies;
  };
  EXPECT_THAT(ids(2), ElementsAre("a", "b"));
  EXPECT_THAT(ids(-2), ElementsAre("c", "b"));
  EXPECT_THAT(ids(0), IsEmpty());
}

TEST_F(Engine, RefusesWhatNoStoreCanHold) {
  const auto refused = [&](job::Add add) {
    const auto result = store_.try_send(std::move(add));
    return !result && result.error().code() == Errc::invalid_argument;
  };
  EXPECT_TRUE(refused({.queue = "q", .ttl = 0s}));
  EXPECT_TRUE(refused({.queue = "q", .ttl = Seconds{99'999'999'999}}));
  EXPECT_TRUE(refused({.queue = "q", .retry = Seconds{-1}}));
  EXPECT_TRUE(refused({.queue = "q", .delay = 10s, .ttl = 10s}));
  EXPECT_TRUE(refused({.queue = std::string(70'000, 'q')}));
  EXPECT_EQ(store_.state->jobs(), 0u);
}

TEST_F(Engine, AnIdleQueueIsForgottenAndASetOneIsNot) {
  ack((add("gone"), store_.claim({"gone"}).at(0)));
  store_.ask<job::QueueView>(job::SetQueue{.queue = "kept", .weight = 2});
  for (int i = 0; i < 10; ++i) store_.advance(100s);
  EXPECT_FALSE(store_.has_queue("gone"));
  EXPECT_TRUE(store_.has_queue("kept"));
}

TEST_F(Engine, ReplayGivesTheStateAgain) {
  store_.ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_in = false, .weight = 4, .group_limit = 1});
  std::vector<job::JobId> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(store_.add({.queue = i % 3 == 0 ? "q" : "r",
                              .body = std::to_string(i),
                              .delay = i % 5 == 0 ? 10s : 0s,
                              .priority = static_cast<std::int8_t>(i % 2),
                              .group = i % 4 == 0 ? "g" : "",
                              .unique_key = i == 7 ? "k" : "",
                              .bury_on_expiry = true}));
  }
  const auto jobs = store_.claim({"q", "r"}, 6);
  ack(jobs[0]);
  store_.ask<job::Statuses>(job::Retry{{{{jobs[1].id, jobs[1].token}, 60s, false, "why"}}});
  store_.ask<job::Statuses>(job::Bury{.items = {{{jobs[2].id, jobs[2].token}, true, "dead"}}});
  store_.advance(7s);
  const auto before = store_.snapshot();
  store_.reopen();
  EXPECT_EQ(store_.snapshot(), before);
  EXPECT_EQ(stat("r").age, 7s);
  EXPECT_EQ(ack(jobs[3]), Status::done) << "a lease outlives the process that gave it";
  EXPECT_EQ(store_.ask<job::Added>(job::Add{.queue = "r", .body = "y", .unique_key = "k"}).outcome,
            job::Added::Outcome::duplicate);
}

}  // namespace
}  // namespace coworker::engine
