#include "journal/journal.h"

#include "journal/journal_fixture.h"
#include "journal/verify.h"

namespace coworker::journal {
namespace {

using testing::HasSubstr;

class JournalTest : public JournalFixture {};

TEST_F(JournalTest, GivesBackInOrderWhatWasSynced) {
  open();
  const auto first = add("one", "body of one");
  const auto second = add("two");
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(journal_->sync());
  disk_.crash();
  open();
  ASSERT_THAT(heads(), testing::ElementsAre("one", "two"));
  EXPECT_EQ(found_.items[0].position, *first);
  EXPECT_EQ(found_.items[0].body_bytes, 11u);
  const auto item = journal_->read(*first);
  ASSERT_TRUE(item);
  EXPECT_EQ(item->head(), "one");
  EXPECT_EQ(item->body(), "body of one");
}

TEST_F(JournalTest, WrittenIsNotSynced) {
  open();
  ASSERT_TRUE(add("one"));
  EXPECT_EQ(journal_->written(), 1u);
  ASSERT_TRUE(journal_->write_out());
  EXPECT_EQ(journal_->written(), journal_->end());
  EXPECT_EQ(journal_->synced(), 1u);
  auto task = journal_->start_sync();
  ASSERT_TRUE(task);
  ASSERT_TRUE(add("two"));
  ASSERT_TRUE(journal_->finish_sync(*task, task->run()));
  EXPECT_EQ(journal_->synced(), task->covers());
  EXPECT_LT(journal_->synced(), journal_->end());
}

TEST_F(JournalTest, WhatWasOnlyWrittenSurvivesTheProcess) {
  open();
  ASSERT_TRUE(add("one"));
  ASSERT_TRUE(journal_->write_out());
  ASSERT_TRUE(add("never written"));
  disk_.kill();
  open();
  EXPECT_THAT(heads(), testing::ElementsAre("one"));
}

TEST_F(JournalTest, ASegmentBeginsWithTheCheckpointOfItsBegin) {
  open();
  for (int i = 0; i < 100; ++i) {
    checkpoint_ = std::to_string(journal_->end());
    ASSERT_TRUE(add("filler", std::string(700, 'f')));
    checkpoint_ = "asked for at the wrong time";
    ASSERT_TRUE(journal_->write_out());
  }
  open();
  ASSERT_GT(found_.checkpoints.size(), 3u);
  for (std::size_t i = 1; i < found_.checkpoints.size(); ++i) {
    EXPECT_EQ(found_.checkpoints[i].text, std::to_string(found_.checkpoints[i].as_of));
  }
}

TEST_F(JournalTest, ARecordLargerThanASegmentGetsItsOwn) {
  open();
  const std::string large(100'000, 'x');
  ASSERT_TRUE(add("small"));
  const auto position = add("large", large);
  ASSERT_TRUE(position) << position.error().message();
  ASSERT_TRUE(add("after"));
  ASSERT_TRUE(journal_->sync());
  disk_.crash();
  open();
  EXPECT_THAT(heads(), testing::ElementsAre("small", "large", "after"));
  const auto item = journal_->read(*position, large.size());
  ASSERT_TRUE(item);
  EXPECT_EQ(item->body(), large);
}

TEST_F(JournalTest, ReadsWithoutWaitingOnlyWhatIsInMemory) {
  open();
  const auto old = add("old", "body");
  ASSERT_TRUE(old);
  ASSERT_TRUE(journal_->sync());
  fill_segments(2);
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(add("filler", std::string(500, 'f')));
  const auto recent = add("recent", "body");
  ASSERT_TRUE(recent);
  ASSERT_TRUE(journal_->sync());

  disk_.set_faults({.cold_read = 1});
  const auto cold = journal_->read_nowait(*old);
  ASSERT_TRUE(cold);
  EXPECT_FALSE(*cold);
  const auto warm = journal_->read_nowait(*recent);
  ASSERT_TRUE(warm && *warm);
  EXPECT_EQ((*warm)->body, "body");
  const auto pin = journal_->pin(*old);
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin->read()->body(), "body");
  disk_.set_faults({});
  const auto again = journal_->read_nowait(*old);
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->head, "old");
  for (const std::size_t expected : {0u, 1u, 7u, 1000u}) EXPECT_EQ(journal_->read(*old, expected)->head(), "old");
}

TEST_F(JournalTest, ReadsItemsOneAfterAnotherAndInAnyOrder) {
  disk_.set_bytes(4 << 20);
  open(512 << 10);
  std::vector<std::pair<Position, std::string>> items;
  for (int i = 0; i < 500; ++i) {
    // Some are larger than all that is read at once.
    const std::string body(i % 100 == 57 ? 70'000 : static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    const auto position = add(std::to_string(i), body);
    ASSERT_TRUE(position);
    items.emplace_back(*position, body);
    if (i % 50 == 0) ASSERT_TRUE(journal_->sync());
  }
  ASSERT_TRUE(journal_->sync());
  const auto check = [&](std::size_t i) {
    const auto item = journal_->read_nowait(items[i].first);
    ASSERT_TRUE(item && *item);
    EXPECT_EQ((*item)->head, std::to_string(i));
    EXPECT_EQ((*item)->body, items[i].second);
  };
  for (const double short_io : {0.0, 0.5}) {
    disk_.set_faults({.short_io = short_io});
    for (std::size_t i = 0; i < items.size(); ++i) check(i);
    for (std::size_t i = 0; i < items.size(); ++i) check(i * 7 % items.size());
    for (std::size_t i = items.size(); i > 0; --i) check(i - 1);
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    disk_.set_faults({.cold_read = 0.5});
    const auto item = journal_->read_nowait(items[i].first);
    ASSERT_TRUE(item);
    if (*item) EXPECT_EQ((*item)->body, items[i].second);
  }
}

TEST_F(JournalTest, APinnedItemCanBeReadAfterItsSegmentWasDropped) {
  open();
  const auto position = add("old", "body");
  ASSERT_TRUE(position);
  fill_segments(3);
  auto pin = journal_->pin(*position);
  ASSERT_TRUE(pin);
  const auto before = journal_->disk_bytes();
  journal_->drop_oldest();
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(pin->read()->body(), "body");
  EXPECT_EQ(journal_->disk_bytes(), before) << "it still takes its room";
  EXPECT_EQ(journal_->read(*position).error().code(), Errc::not_found);
  pin = fail(Errc::not_found, "given back");
  EXPECT_LT(journal_->disk_bytes(), before);
}

TEST_F(JournalTest, ADroppedSegmentStaysUntilWhatReplacesItIsSynced) {
  open();
  fill_segments(3);
  const std::string oldest = journal_->segments().front().name;
  const auto exists = [&] { return disk_.open(oldest).has_value(); };
  ASSERT_TRUE(add("lives on"));
  journal_->drop_oldest();
  EXPECT_TRUE(exists());
  ASSERT_TRUE(journal_->write_out());
  EXPECT_TRUE(exists());
  ASSERT_TRUE(journal_->sync());
  EXPECT_FALSE(exists());
}

TEST_F(JournalTest, AClosedJournalIsOpenedWithoutCopying) {
  open();
  ASSERT_TRUE(add("one", std::string(5000, 'x')));
  ASSERT_TRUE(journal_->close());
  const Position end = journal_->end();
  open();
  EXPECT_GE(journal_->segments().back().begin + 24, end);
}

TEST_F(JournalTest, AHintFileSparesReadingTheSegment) {
  open();
  fill_segments(4);
  EXPECT_EQ(make_hints(), 3);
  const std::string first = journal_->segments().front().name;
  open();
  const auto with_hints = heads();
  // Were it read, it would be refused; its bodies are checked when they are.
  flip(first, 6000);
  open();
  EXPECT_EQ(heads(), with_hints);
  EXPECT_FALSE(verify(disk_));
  EXPECT_EQ(journal_->scan_oldest(0, 1 << 20, [](auto...) { return Result<>{}; }).error().code(), Errc::corrupt);
  flip(first, 6000);

  const std::string hint = first.substr(0, 16) + ".hint";
  for (const std::size_t offset : {0u, 20u, 60u, 100u}) {
    flip(hint, offset);
    open();
    EXPECT_EQ(heads(), with_hints) << "a damaged hint is no hint";
    EXPECT_EQ(make_hints(), 1) << "it is made anew";
  }
  journal_->drop_oldest();
  ASSERT_TRUE(journal_->sync());
  EXPECT_FALSE(disk_.open(hint));
}

TEST_F(JournalTest, AnErrorOfTheOwnerEndsTheOpening) {
  struct Refuses : Found {
    Result<> item(Position, Bytes, std::uint32_t) override { return fail(Errc::corrupt, "unknown item"); }
  };
  open();
  ASSERT_TRUE(add("one"));
  ASSERT_TRUE(journal_->close());
  Refuses refuses;
  const auto opened = Journal::open(disk_, {.checkpoint = [] { return ""; }}, refuses);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), HasSubstr("unknown item"));
}

TEST_F(JournalTest, ABackupOfARunningJournalIsWholeAndWantsAnEmptyPlace) {
  open();
  fill_segments(3);
  ASSERT_TRUE(add("last"));
  ASSERT_TRUE(journal_->write_out());
  SimDisk target{2};
  const auto report = backup(disk_, target);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->end, journal_->end());
  EXPECT_EQ(backup(disk_, target).error().code(), Errc::conflict);
  SimDisk empty{3};
  EXPECT_EQ(verify(empty).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace coworker::journal
