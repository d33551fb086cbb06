// A journal whose disk is full or fails.
#include "journal/journal_fixture.h"

namespace coworker::journal {
namespace {

using testing::HasSubstr;

class TroubleTest : public JournalFixture {};

/// Does not remove one name.
class StubbornDisk : public Disk {
 public:
  explicit StubbornDisk(Disk& disk) : disk_{disk} {}
  std::string where() const override { return disk_.where(); }
  Result<std::vector<std::string>> list() override { return disk_.list(); }
  Result<std::unique_ptr<File>> create(const std::string& name) override { return disk_.create(name); }
  Result<std::unique_ptr<File>> open(const std::string& name) override { return disk_.open(name); }
  Result<> rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
  Result<> sync_dir() override { return disk_.sync_dir(); }
  Result<> lock() override { return disk_.lock(); }
  Result<Space> space() override { return disk_.space(); }
  Result<> remove(const std::string& name) override {
    return name == kept ? fail(Errc::internal, "remove '" + name + "': I/O error") : disk_.remove(name);
  }

  std::string kept;

 private:
  Disk& disk_;
};

TEST_F(TroubleTest, WhatMakesASegmentVoidIsNotDroppedBeforeIt) {
  open();
  ASSERT_TRUE(add("one", std::string(5000, 'x')));
  ASSERT_TRUE(journal_->sync());
  journal_.reset();
  StubbornDisk stubborn{disk_};
  const Options options{.checkpoint = [] { return ""; }, .segment_bytes = 16384, .unsynced_bytes = 1 << 20};
  {
    auto opened = Journal::open(stubborn, options, found_);
    ASSERT_TRUE(opened);
    journal_ = std::move(*opened);
  }
  // Two segments, nothing of them synced; the second stays although its sync failed.
  while (journal_->segment_count() < 3) ASSERT_TRUE(add("two", std::string(3000, 'x')));
  ASSERT_TRUE(add("three"));
  stubborn.kept = journal_->newest_segment().name;
  disk_.set_faults({.failed_sync = 1});
  EXPECT_FALSE(journal_->sync());
  disk_.set_faults({});
  ASSERT_TRUE(journal_->try_resume());
  ASSERT_TRUE(disk_.open(stubborn.kept)) << "this test needs a void segment";
  while (journal_->segment_count() < 6) {
    ASSERT_TRUE(add("later", std::string(3000, 'x')));
    ASSERT_TRUE(journal_->sync());
  }
  while (journal_->segment_count() > 2) journal_->drop_oldest();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(add("later"));
    ASSERT_TRUE(journal_->sync());
  }
  journal_.reset();
  disk_.kill();
  open();
  EXPECT_EQ(found_.items.back().head, "later");
}

TEST_F(TroubleTest, AFailedSyncMovesTheRecordsToANewSegment) {
  open();
  ASSERT_TRUE(add("one", "body"));
  ASSERT_TRUE(journal_->sync());
  const auto second = add("two", "body");
  ASSERT_TRUE(journal_->write_out());
  auto task = journal_->start_sync();
  ASSERT_TRUE(task);
  disk_.set_faults({.failed_sync = 1});
  const auto result = task->run();
  ASSERT_FALSE(result);
  disk_.set_faults({});
  ASSERT_TRUE(journal_->finish_sync(*task, result));
  EXPECT_TRUE(journal_->writable());
  EXPECT_EQ(journal_->synced(), journal_->end());
  EXPECT_EQ(journal_->segments().size(), 2u);
  disk_.crash();
  open();
  EXPECT_THAT(heads(), testing::ElementsAre("one", "two"));
  EXPECT_EQ(journal_->read(*second)->body(), "body");
}

TEST_F(TroubleTest, WhenThatFailsTooVitalRecordsWaitInMemory) {
  open();
  ASSERT_TRUE(add("one"));
  disk_.set_faults({.failed_sync = 1});
  const auto synced = journal_->sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code(), Errc::unavailable);
  EXPECT_FALSE(journal_->writable());
  EXPECT_THAT(journal_->trouble(), HasSubstr("sync"));
  EXPECT_EQ(add("refused").error().code(), Errc::unavailable);
  int held = 0;
  for (auto added = add("vital", "", Urgency::vital); added; added = add("vital", "", Urgency::vital)) ++held;
  EXPECT_GT(held, 50);
  EXPECT_EQ(add("vital", "", Urgency::vital).error().code(), Errc::resource_exhausted);
  EXPECT_FALSE(journal_->try_resume());
  EXPECT_EQ(journal_->synced(), 1u);

  disk_.set_faults({});
  ASSERT_TRUE(journal_->try_resume());
  EXPECT_TRUE(journal_->writable());
  EXPECT_EQ(journal_->synced(), journal_->end());
  ASSERT_TRUE(add("again"));
  ASSERT_TRUE(journal_->sync());
  disk_.crash();
  open();
  EXPECT_EQ(found_.items.size(), static_cast<std::size_t>(held) + 2);
  EXPECT_EQ(found_.items.back().head, "again");
}

TEST_F(TroubleTest, AFullDiskRefusesAddsFirstAndRecoversByCompaction) {
  open();
  int adds = 0;
  while (auto added = add("add", std::string(800, 'a'))) {
    ++adds;
    ASSERT_TRUE(journal_->sync());
  }
  EXPECT_GT(adds, 800);
  EXPECT_EQ(add("add", std::string(800, 'a')).error().code(), Errc::resource_exhausted);
  const Position before = journal_->end();
  ASSERT_FALSE(add("add", std::string(20'000, 'a')));
  EXPECT_EQ(journal_->end(), before);
  int vital = 0;
  while (add("ack", "", Urgency::vital)) ++vital;
  EXPECT_GT(vital, 200);
  int copied = 0;
  while (add("copy", std::string(800, 'a'), Urgency::compaction)) ++copied;
  EXPECT_GT(copied, 10) << "a whole segment could be copied";
  ASSERT_TRUE(journal_->sync());
  EXPECT_TRUE(journal_->writable());
  for (int i = 0; i < 4; ++i) {
    journal_->drop_oldest();
    ASSERT_TRUE(journal_->sync());
  }
  EXPECT_TRUE(add("add", std::string(800, 'a')));
}

TEST_F(TroubleTest, AFullDiskCanBeOpenedAndLeft) {
  open();
  while (add("add", std::string(800, 'a'))) ASSERT_TRUE(journal_->sync());
  for (int i = 0; i < 20; ++i) {
    open();
    ASSERT_TRUE(journal_->writable()) << journal_->trouble();
    ASSERT_TRUE(add("ack", "", Urgency::vital));
    ASSERT_TRUE(journal_->sync());
  }
}

TEST_F(TroubleTest, ADiskWithoutAnyRoomOpensReadOnlyAndResumes) {
  disk_.set_bytes(0);
  open();
  EXPECT_FALSE(journal_->writable());
  EXPECT_EQ(add("add").error().code(), Errc::unavailable);
  const auto kept = add("vital", "body", Urgency::vital);
  ASSERT_TRUE(kept);
  EXPECT_EQ(journal_->read(*kept)->body(), "body");
  disk_.set_bytes(1 << 20);
  ASSERT_TRUE(journal_->try_resume());
  disk_.crash();
  open();
  EXPECT_THAT(heads(), testing::ElementsAre("vital"));
}

}  // namespace
}  // namespace coworker::journal
