#include "store/embedded/core.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "journal/sim_disk.h"
#include "store/embedded/spool.h"

namespace coworker::store {
namespace {

constexpr std::int64_t kEpoch = 1'700'000'000'000;
thread_local std::int64_t clock_ms = 0;

class CoreOnASmallDisk : public testing::Test {
 protected:
  CoreOnASmallDisk() {
    clock_ms = kEpoch;
    open();
  }

  void open() {
    Core::Options options;
    options.segment_bytes = 1 << 20;
    options.boot_clock = [] { return clock_ms - kEpoch; };
    options.wall_clock = [] { return clock_ms; };
    auto core = Core::open(disk_, std::move(options));
    ASSERT_TRUE(core) << core.error().message();
    core_ = std::move(*core);
  }
  void close() {
    core_->close();
    core_.reset();
    disk_.kill();
  }

  /// Until all that was sent is synced and answered.
  void flush() {
    do {
      core_->write_out();
      ASSERT_TRUE(core_->journal().sync());
      core_->deliver();
    } while (core_->journal().synced() < core_->journal().end());
  }
  void tick_until_done() {
    while (core_->tick()) flush();
    flush();
  }

  using Reply = std::optional<Result<job::Answer>>;
  std::shared_ptr<Reply> send(job::Command command) {
    auto reply = std::make_shared<Reply>();
    core_->apply(std::move(command), [reply](Result<job::Answer> answer) { *reply = std::move(answer); });
    return reply;
  }
  template <class Answer>
  static Answer take(const Reply& reply) {
    EXPECT_TRUE(reply) << "not answered";
    if (!reply) return {};
    EXPECT_TRUE(*reply) << reply->error().message();
    return *reply ? std::get<Answer>(**reply) : Answer{};
  }
  template <class Answer>
  Answer ask(job::Command command) {
    const auto reply = send(std::move(command));
    flush();
    return take<Answer>(*reply);
  }
  std::vector<job::Delivery> claim(const std::string& queue, std::uint32_t count = 1) {
    return ask<job::Claimed>(job::Claim{.queues = {queue}, .count = count}).jobs;
  }
  void add_many(const std::string& queue, int count) {
    for (int i = 0; i < count; ++i) {
      core_->apply(job::Add{.queue = queue, .body = "x"}, [](const Result<job::Answer>& answer) {
        ASSERT_TRUE(answer) << answer.error().message();
        ASSERT_EQ(std::get<job::Added>(*answer).outcome, job::Added::Outcome::created);
      });
      if (i % 1'000 == 999) flush();
    }
    flush();
  }
  std::uint64_t jobs() const { return core_->totals().jobs; }

  journal::SimDisk disk_{1, 24u << 20};
  std::unique_ptr<Core> core_;
};

TEST_F(CoreOnASmallDisk, APurgeWorksInSlicesAndSparesWhatIsAddedAfterIt) {
  add_many("old", 20'000);
  add_many("other", 10);
  const auto purged = send(job::Purge{.queue = "old"});
  flush();
  EXPECT_FALSE(*purged) << "20,000 jobs went in one piece";
  EXPECT_GT(jobs(), 15'000u);
  EXPECT_EQ(core_->until_tick(Millis{1'000}), Millis{0});
  add_many("old", 3'000);  // some in places that the purge has freed, some in places that it has yet to look at
  tick_until_done();
  EXPECT_EQ(take<job::Count>(*purged).count, 20'000u);
  EXPECT_EQ(ask<job::QueueView>(job::QueueStat{"old"}).ready, 3'000u);
  EXPECT_EQ(jobs(), 3'010u);
  EXPECT_GT(core_->until_tick(Millis{1'000}), Millis{0});
}

TEST_F(CoreOnASmallDisk, PurgesAtTheSameTimeAreAnsweredEachWithItsOwnCount) {
  add_many("a", 6'000);
  add_many("b", 7'000);
  const auto a = send(job::Purge{.queue = "a"});
  const auto b = send(job::Purge{.queue = "b"});
  const auto all = send(job::Purge{.all = true});
  tick_until_done();
  EXPECT_EQ(take<job::Count>(*a).count, 6'000u);
  EXPECT_EQ(take<job::Count>(*b).count, 7'000u);
  EXPECT_EQ(take<job::Count>(*all).count, 0u);
  EXPECT_EQ(jobs(), 0u);
}

TEST_F(CoreOnASmallDisk, APurgeThatIsNotDoneIsAnsweredWhenTheStoreCloses) {
  add_many("old", 20'000);
  const auto purged = send(job::Purge{.queue = "old"});
  close();
  ASSERT_TRUE(*purged);
  ASSERT_FALSE(**purged) << "it was not done";
  EXPECT_EQ((*purged)->error().code(), Errc::unavailable);
}

TEST_F(CoreOnASmallDisk, ALongQueueNameDoesNotKeepLeasesFromEnding) {
  add_many(std::string(60'000, 'n'), 1);
  add_many("q", 600);
  ASSERT_EQ(claim("q", 600).size(), 600u);
  clock_ms += 301'000;
  tick_until_done();
  EXPECT_EQ(ask<job::QueueView>(job::QueueStat{"q"}).ready, 600u);
}

TEST_F(CoreOnASmallDisk, ALongQueueNameDoesNotKeepOthersFromBeingBuried) {
  add_many(std::string(60'000, 'n'), 1);
  add_many("q", 500);
  job::Bury bury;
  for (const job::Delivery& each : claim("q", 500)) bury.items.push_back({.job = {each.id, each.token}});
  ASSERT_EQ(bury.items.size(), 500u);
  EXPECT_EQ(ask<job::Statuses>(bury).done(), 500);
}

TEST_F(CoreOnASmallDisk, AJobBuriedTwiceInOneCommandHasRoomForEveryName) {
  const std::string second(60'000, 's');
  ask<job::QueueView>(job::SetQueue{.queue = "q", .failure_queue = "first"});
  ask<job::QueueView>(job::SetQueue{.queue = "first", .failure_queue = second});
  const auto id = ask<job::Added>(job::Add{.queue = "q", .body = "x"}).id;
  EXPECT_EQ(ask<job::Statuses>(job::Bury{.items = {{.job = {id}}, {.job = {id}}}}).done(), 2);
  const auto view = ask<job::View>(job::Show{id});
  EXPECT_EQ(view.queue, second);
  EXPECT_EQ(view.origin, "q");
}

TEST_F(CoreOnASmallDisk, JobsWhoseLifetimePassesHaveRoomForALongFailureQueueName) {
  const std::string failed(60'000, 'f');
  ask<job::QueueView>(job::SetQueue{.queue = "q", .failure_queue = failed});
  for (int i = 0; i < 20; ++i) {
    ask<job::Added>(job::Add{.queue = "q", .body = "x", .ttl = Seconds{10}, .bury_on_expiry = true});
  }
  close();
  open();
  clock_ms += 12'000;
  tick_until_done();
  EXPECT_EQ(ask<job::QueueView>(job::QueueStat{failed}).dead, 20u);
}

TEST_F(CoreOnASmallDisk, AClaimOfVeryManyGetsWhatItMay) {
  add_many("q", 60'000);
  const auto jobs = claim("q", 4'000'000'000u);
  EXPECT_EQ(jobs.size(), 10'000u);
  EXPECT_EQ(claim("q", 10).size(), 10u);
}

TEST_F(CoreOnASmallDisk, QueuesThatNobodyUsesAreForgotten) {
  for (int i = 0; i < 5'000; ++i) claim("junk " + std::to_string(i));
  ASSERT_GE(core_->totals().queues, 5'000u);
  clock_ms += 301'000;
  for (int i = 0; i < 20; ++i) core_->tick();
  EXPECT_EQ(core_->totals().queues, 0u);
}

TEST_F(CoreOnASmallDisk, AJobSpooledForAPausedQueueIsTakenOver) {
  ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_in = true});
  EXPECT_EQ(ask<job::Added>(job::Add{.queue = "q", .body = "refused"}).outcome, job::Added::Outcome::paused);
  close();
  {
    auto spool = Spool::open(disk_);
    ASSERT_TRUE(spool) << spool.error().message();
    ASSERT_TRUE(spool->add({.queue = "q", .body = "promised"}, Time{clock_ms}));
  }
  disk_.kill();
  open();
  const auto jobs = claim("q", 10);
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].body, "promised");
}

}  // namespace
}  // namespace coworker::store
