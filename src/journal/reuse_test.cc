// Files of dropped segments that become segments again.
#include <algorithm>
#include <set>

#include "journal/journal_fixture.h"
#include "journal/verify.h"

namespace coworker::journal {
namespace {

class ReuseTest : public JournalFixture {
 protected:
  /// Fills a segment more, and gives up the oldest one.
  void turn() {
    fill_segments(journal_->segment_count() + 1);
    journal_->drop_oldest();
    ASSERT_TRUE(journal_->sync());
  }

  std::set<std::string> spares() {
    std::set<std::string> names;
    const auto all = disk_.list();
    EXPECT_TRUE(all);
    std::copy_if(all->begin(), all->end(), std::inserter(names, names.end()), Spares::is_spare);
    return names;
  }

  std::string content_of(File& file) {
    std::string content(static_cast<std::size_t>(*file.size()), '\0');
    EXPECT_TRUE(read_up_to(file, 0, std::as_writable_bytes(std::span{content})));
    return content;
  }
};

TEST_F(ReuseTest, TheFileOfADroppedSegmentIsWrittenAgain) {
  open();
  fill_segments(3);
  for (int i = 0; i < 5; ++i) turn();
  // From here on no file is made any more, and so no name is given to a new one.
  ASSERT_EQ(spares().size(), 3u);
  disk_.set_bytes(disk_.used());
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_EQ(spares().size(), 3u);
  open();
  EXPECT_THAT(heads(), testing::Each("filler"));
}

TEST_F(ReuseTest, AFileThatSomebodyReadsIsLeftToHim) {
  open();
  fill_segments(3);
  const auto reading = disk_.open(journal_->oldest_segment().name);
  ASSERT_TRUE(reading);
  const std::string before = content_of(**reading);
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_EQ(content_of(**reading), before);
}

TEST_F(ReuseTest, APinnedItemOutlivesItsSegmentAndTheNextOnes) {
  open();
  const auto item = add("pinned", "its body");
  ASSERT_TRUE(item);
  ASSERT_TRUE(journal_->sync());
  fill_segments(3);
  const auto pin = journal_->pin(*item);
  ASSERT_TRUE(pin);
  for (int i = 0; i < 10; ++i) turn();
  const auto read = pin->read();
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->body(), "its body");
}

TEST_F(ReuseTest, WhatAFileHeldBeforeIsNeverTakenForWhatItHolds) {
  open();
  fill_segments(3);
  for (int i = 0; i < 10; ++i) turn();
  ASSERT_TRUE(add("last"));
  ASSERT_TRUE(journal_->sync());
  const Position end = journal_->end();
  disk_.crash();
  const auto report = verify(disk_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->end, end);
  open();
  EXPECT_EQ(heads().back(), "last");
}

}  // namespace
}  // namespace coworker::journal
