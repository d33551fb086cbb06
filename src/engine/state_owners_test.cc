#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_store.h"

/// What is done for the jobs of many at once: those of an owner that is no more, dead ones, registers.
namespace coworker::engine {
namespace {

using namespace std::chrono_literals;
using job::Status;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class EngineOfOwners : public testing::Test {
 protected:
  TestStore store_;
  std::uint64_t tickets_ = 0;

  std::vector<job::Delivery> claim_for(std::uint64_t owner, std::uint32_t count) {
    return store_.ask<job::Claimed>(job::Claim{.queues = {"q"}, .count = count, .ticket = ++tickets_, .owner = owner})
        .jobs;
  }
  std::uint64_t disown(std::uint64_t owner, std::vector<job::JobRef> spared = {}) {
    return store_.ask<job::Count>(job::Disown{owner, std::move(spared)}).count;
  }
  job::View show(const job::JobId& id) { return store_.ask<job::View>(job::Show{id}); }
  void add(int count) {
    for (int i = 0; i < count; ++i) store_.add({.queue = "q", .body = "x"});
  }
  job::JobId add_dead() {
    const auto id = store_.add({.queue = "q", .body = "x", .retry = 30s, .group = "g", .unique_key = "k"});
    const auto job = store_.claim({"q"}).at(0);
    store_.ask<job::Statuses>(job::Bury{.items = {{{job.id, job.token}, true, "no such file"}}});
    return id;
  }
  Status move_one(const job::JobId& id, const std::string& queue, bool revive, Seconds ttl = 0s) {
    return store_.ask<job::Statuses>(job::MoveDead{{{id, ttl}}, queue, revive}).each.at(0);
  }
};

TEST_F(EngineOfOwners, WhatADeadOwnerHoldsIsGivenBackUncounted) {
  add(4);
  const auto mine = claim_for(1, 3);
  const auto others = claim_for(2, 1);
  store_.ask<job::Statuses>(job::Ack{{{mine[0].id, mine[0].token}}});
  EXPECT_EQ(disown(1, {{mine[1].id, mine[1].token}}), 1u);
  EXPECT_EQ(show(mine[1].id).state, job::State::leased) << "somebody else answers for it";
  EXPECT_EQ(show(others[0].id).state, job::State::leased);
  const auto again = claim_for(3, 10);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].id, mine[2].id);
  EXPECT_EQ(again[0].attempts + again[0].additional_deliveries, 0);
}

TEST_F(EngineOfOwners, AClaimThatADeadOwnerSentComesToNothing) {
  add(1);
  disown(1);
  EXPECT_THAT(claim_for(1, 1), IsEmpty());
  EXPECT_TRUE(store_.send(job::Claim{.queues = {"q"}, .blocking = true, .ticket = 77, .owner = 1})) << "it waits";
  EXPECT_THAT(claim_for(2, 1), SizeIs(1));
}

TEST_F(EngineOfOwners, AWaitingClaimOfADeadOwnerEnds) {
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .blocking = true, .ticket = 77, .owner = 1}));
  EXPECT_FALSE(store_.send(job::Claim{.queues = {"q"}, .blocking = true, .ticket = 78, .owner = 2}));
  disown(1);
  EXPECT_THAT(store_.served(77), IsEmpty());
  add(1);
  EXPECT_THAT(store_.served(78), SizeIs(1));
}

TEST_F(EngineOfOwners, AJobThatCameToAnotherHolderStaysThere) {
  store_.add({.queue = "q", .body = "x", .retry = 1s});
  claim_for(1, 1);
  store_.advance(2s);
  const auto later = claim_for(2, 1);
  ASSERT_THAT(later, SizeIs(1));
  EXPECT_EQ(disown(1), 0u);
  EXPECT_EQ(show(later[0].id).state, job::State::leased);
}

TEST_F(EngineOfOwners, WhatIsKeptOfAnOwnerFollowsWhatItHolds) {
  for (int i = 0; i < 1'000; ++i) {
    add(1);
    const auto job = claim_for(1, 1).at(0);
    store_.ask<job::Statuses>(job::Ack{{{job.id, job.token}}});
  }
  EXPECT_LE(store_.state->most_held_by(1), 64u);
  add(300);
  EXPECT_THAT(claim_for(1, 300), SizeIs(300));
  EXPECT_EQ(disown(1), 300u);
}

TEST_F(EngineOfOwners, ADeadJobComesBackAsNewUnderItsId) {
  const auto id = add_dead();
  EXPECT_EQ(move_one(id, "", true, 100s), Status::done);
  auto view = show(id);
  EXPECT_EQ(view.queue, "q");
  EXPECT_EQ(view.origin, "");
  EXPECT_EQ(view.reason, "no such file");
  EXPECT_EQ(view.attempts + view.crashes, 0);
  EXPECT_LE(view.ttl_left, 101s);
  EXPECT_EQ(move_one(id, "", true), Status::conflict) << "it is not dead any more";
  const auto before = store_.snapshot();
  store_.reopen();
  EXPECT_EQ(store_.snapshot(), before);
  store_.advance(200s);
  EXPECT_EQ(show(id).queue, "failed-jobs") << "its lifetime ended";
  EXPECT_EQ(show(id).origin, "q");
  store_.reopen();
  EXPECT_EQ(show(id).queue, "failed-jobs");
}

TEST_F(EngineOfOwners, ADeadJobThatOnlyMovesStaysAsItIs) {
  const auto id = add_dead();
  const auto before = show(id);
  EXPECT_EQ(move_one(id, "elsewhere", false), Status::done);
  const auto after = show(id);
  EXPECT_EQ(after.queue, "elsewhere");
  EXPECT_EQ(after.origin, "q");
  EXPECT_EQ(after.attempts, before.attempts);
  EXPECT_EQ(after.ttl_left, before.ttl_left);
  EXPECT_EQ(store_.state->totals().buried, 1u);
  store_.reopen();
  EXPECT_EQ(show(id).queue, "elsewhere");
  EXPECT_EQ(store_.state->totals().buried, 1u);
}

TEST_F(EngineOfOwners, OnlyDeadJobsThatNobodyHoldsAreMoved) {
  const auto id = add_dead();
  const auto held = store_.claim({"failed-jobs"}).at(0);
  EXPECT_EQ(move_one(id, "", true), Status::conflict);
  store_.ask<job::Statuses>(job::Release{{{held.id, held.token}}});
  EXPECT_EQ(move_one(id, "", true), Status::done);
  EXPECT_EQ(move_one(job::JobId{}, "", true), Status::not_found);
  EXPECT_FALSE(store_.try_send(job::MoveDead{{}, "", false}));
}

TEST_F(EngineOfOwners, RegistersAreForgottenByNameAndValue) {
  const auto tick = [&](const char* name, std::uint64_t value) {
    return store_.ask<job::Added>(job::Add{.queue = "q", .register_name = name, .register_value = value}).outcome;
  };
  for (const char* name : {"cron:a", "cron:b", "other"}) tick(name, 5);
  tick("cron:b", 9);
  EXPECT_EQ(store_.ask<job::Count>(job::ForgetRegisters{"cron:", 9}).count, 1u);
  const auto look = [&] {
    EXPECT_EQ(store_.state->register_value("cron:a"), 0u);
    EXPECT_EQ(store_.state->register_value("cron:b"), 9u);
    EXPECT_EQ(store_.state->register_value("other"), 5u);
  };
  look();
  store_.reopen();
  look();
  EXPECT_EQ(tick("cron:a", 1), job::Added::Outcome::created);
  EXPECT_FALSE(store_.try_send(job::Add{.queue = "q", .register_name = "zero"})) << "a register begins at 1";
}

}  // namespace
}  // namespace coworker::engine
