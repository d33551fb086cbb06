#include "journal/journal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "journal/format.h"
#include "journal/found.h"
#include "journal/sim_disk.h"
#include "journal/verify.h"

namespace coworker::journal {
namespace {

using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  void open(std::uint64_t segment_bytes = 16384) {
    journal_.reset();
    found_ = {};
    auto opened = try_open(segment_bytes);
    ASSERT_TRUE(opened) << opened.error().message();
    journal_ = std::move(*opened);
  }

  Result<std::unique_ptr<Journal>> try_open(std::uint64_t segment_bytes = 16384) {
    return Journal::open(disk_,
                         {.checkpoint = [this] { return checkpoint_; },
                          .segment_bytes = segment_bytes,
                          .recent_bytes = 0,
                          .held_bytes = 4000,
                          .identity = 4711},
                         found_);
  }

  Result<Position> add(const std::string& head, const std::string& body = "", Urgency urgency = Urgency::normal) {
    const std::size_t bytes = Journal::record_bytes(1, head.size() + body.size());
    if (auto room = journal_->reserve(bytes, urgency); !room) return tl::unexpected{room.error()};
    journal_->begin_record();
    const Position position = journal_->add_item(head, body);
    journal_->commit_record();
    return position;
  }

  void fill_segments(std::size_t count) {
    while (journal_->segments().size() < count) {
      ASSERT_TRUE(add("filler", std::string(500, 'f')));
      ASSERT_TRUE(journal_->sync());
    }
  }

  std::vector<std::string> heads() const {
    std::vector<std::string> all;
    for (const auto& item : found_.items) all.push_back(item.head);
    return all;
  }

  std::string last_name() const { return journal_->segments().back().name; }

  void flip(const std::string& name, std::size_t offset) {
    disk_.damage(name, [&](std::vector<std::byte>& bytes) { bytes.at(offset) ^= std::byte{0x20}; });
  }

  SimDisk disk_{1, 1 << 20};
  Found found_;
  std::string checkpoint_ = "state";
  std::unique_ptr<Journal> journal_;
};

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

TEST_F(JournalTest, ARecordCutShortAnywhereIsNoRecord) {
  open();
  ASSERT_TRUE(add("one", "body"));
  ASSERT_TRUE(journal_->sync());
  const std::size_t begin = 4096 + journal_->end() - 1;
  ASSERT_TRUE(journal_->reserve(Journal::record_bytes(3, 12), Urgency::normal));
  journal_->begin_record();
  for (int i = 0; i < 3; ++i) journal_->add_item("it", "em");
  const std::size_t end = 4096 + journal_->commit_record() - 1;
  ASSERT_TRUE(journal_->write_out());
  const std::string name = last_name();
  std::vector<std::byte> whole;
  disk_.damage(name, [&](auto& bytes) { whole = bytes; });
  for (std::size_t size = begin; size <= end; ++size) {
    journal_.reset();
    disk_.damage(name, [&](auto& bytes) {
      bytes = whole;
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(size), bytes.end(), std::byte{0});
    });
    const auto report = verify(disk_);
    ASSERT_TRUE(report) << report.error().message();
    // The last byte of the last body is "m": a zero there is damage like any other.
    EXPECT_EQ(report->items, size == end ? 4u : 1u) << "cut at " << size;
  }
}

TEST_F(JournalTest, DamageIsRefusedWithItsPlaceAndNothingIsChanged) {
  open();
  ASSERT_TRUE(add("one", "body of one"));
  const Position second = journal_->end();
  ASSERT_TRUE(add("two", "body of two"));
  ASSERT_TRUE(journal_->close());
  const std::string name = last_name();
  const std::size_t begin = 4096 + second - 1;
  for (std::size_t offset = begin; offset < begin + 16 + 8 + 3 + 8 + 11; ++offset) {
    journal_.reset();
    flip(name, offset);
    const auto before = *disk_.list();
    const auto opened = try_open();
    ASSERT_FALSE(opened) << "offset " << offset;
    EXPECT_EQ(opened.error().code(), Errc::corrupt);
    EXPECT_THAT(opened.error().message(), HasSubstr(fmt::format("'{}' is damaged at offset {}", name, begin)));
    EXPECT_EQ(*disk_.list(), before);
    flip(name, offset);
  }
  open();
  EXPECT_EQ(found_.items.size(), 2u);
}

TEST_F(JournalTest, DamageInAnOlderSegmentIsRefused) {
  open();
  fill_segments(3);
  const std::string first = journal_->segments().front().name;
  journal_.reset();
  flip(first, 6000);
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::corrupt);
  EXPECT_THAT(opened.error().message(), HasSubstr(first));
}

TEST_F(JournalTest, AMissingSegmentIsDamage) {
  open();
  fill_segments(4);
  const std::string second = journal_->segments()[1].name;
  journal_.reset();
  ASSERT_TRUE(disk_.remove(second));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::corrupt);
}

TEST_F(JournalTest, EveryDamagedHeaderByteIsRefused) {
  open();
  ASSERT_TRUE(add("one"));
  ASSERT_TRUE(journal_->close());
  const std::string name = last_name();
  journal_.reset();
  for (std::size_t offset = 0; offset < kFixedHeader + checkpoint_.size(); ++offset) {
    if (offset >= 88 && offset < 96) continue;  // means nothing
    flip(name, offset);
    EXPECT_FALSE(try_open()) << "offset " << offset;
    flip(name, offset);
  }
}

TEST_F(JournalTest, ANewerFormatIsRefusedNamingTheProgramItNeeds) {
  for (const std::size_t offset : {std::size_t{8}, std::size_t{16}}) {
    open();
    ASSERT_TRUE(journal_->close());
    const std::string name = last_name();
    journal_.reset();
    std::vector<std::byte> before;
    disk_.damage(name, [&](std::vector<std::byte>& bytes) {
      before = bytes;
      bytes[offset] = std::byte{0x42};
      save(bytes.data() + 24, std::uint32_t{3 << 16 | 7});
      save(bytes.data() + 80, header_sum(bytes.data()));
    });
    const auto opened = try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::invalid_argument);
    EXPECT_THAT(opened.error().message(), HasSubstr("needs coworker 3.7 or later"));
    disk_.damage(name, [&](auto& bytes) { bytes = before; });
  }
}

TEST_F(JournalTest, BytesOfAnotherPlaceOrStoreAreNoRecord) {
  open();
  ASSERT_TRUE(add("one", "body"));
  ASSERT_TRUE(journal_->sync());
  std::vector<std::byte> bytes;
  disk_.damage(last_name(), [&](auto& all) { bytes.assign(all.begin() + 4096, all.end()); });
  RecordView record;
  EXPECT_EQ(parse_record(bytes, 2, 4711, record), Parsed::invalid);
  EXPECT_EQ(parse_record(bytes, 1, 4712, record), Parsed::invalid);
  ASSERT_EQ(parse_record(bytes, 1, 4711, record), Parsed::record);
  const Bytes item = record.items;
  EXPECT_TRUE(item_matches(item, record.items_begin(), 4711));
  EXPECT_FALSE(item_matches(item, record.items_begin() + 1, 4711));
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
  EXPECT_EQ((*warm)->body(), "body");
  const auto pin = journal_->pin(*old);
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin->read()->body(), "body");
  disk_.set_faults({});
  for (const std::size_t expected : {0u, 1u, 7u, 1000u}) {
    const auto again = journal_->read_nowait(*old, expected);
    ASSERT_TRUE(again && *again);
    EXPECT_EQ((*again)->head(), "old");
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

TEST_F(JournalTest, AFailedSyncMovesTheRecordsToANewSegment) {
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

TEST_F(JournalTest, WhenThatFailsTooVitalRecordsWaitInMemory) {
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

TEST_F(JournalTest, AFullDiskRefusesAddsFirstAndRecoversByCompaction) {
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

TEST_F(JournalTest, AFullDiskCanBeOpenedAndLeft) {
  open();
  while (add("add", std::string(800, 'a'))) ASSERT_TRUE(journal_->sync());
  for (int i = 0; i < 20; ++i) {
    open();
    ASSERT_TRUE(journal_->writable()) << journal_->trouble();
    ASSERT_TRUE(add("ack", "", Urgency::vital));
    ASSERT_TRUE(journal_->sync());
  }
}

TEST_F(JournalTest, ADiskWithoutAnyRoomOpensReadOnlyAndResumes) {
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

TEST_F(JournalTest, AClosedJournalIsOpenedWithoutCopying) {
  open();
  ASSERT_TRUE(add("one", std::string(5000, 'x')));
  ASSERT_TRUE(journal_->close());
  const Position end = journal_->end();
  open();
  EXPECT_GE(journal_->segments().back().begin + 24, end);
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
