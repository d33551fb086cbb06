// What a power cut or a bad disk leaves behind, and what opening makes of it.
#include <cstring>

#include "journal/format.h"
#include "journal/journal_fixture.h"
#include "journal/verify.h"

namespace coworker::journal {
namespace {

using testing::HasSubstr;

class DamageTest : public JournalFixture {};

TEST_F(DamageTest, ARecordCutShortAnywhereIsNoRecord) {
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

TEST_F(DamageTest, DamageIsRefusedWithItsPlaceAndNothingIsChanged) {
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

TEST_F(DamageTest, DamageInAnOlderSegmentIsRefused) {
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

TEST_F(DamageTest, AMissingSegmentIsDamage) {
  open();
  fill_segments(4);
  const std::string second = journal_->segments()[1].name;
  journal_.reset();
  ASSERT_TRUE(disk_.remove(second));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::corrupt);
}

TEST_F(DamageTest, EveryDamagedHeaderByteIsRefused) {
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

TEST_F(DamageTest, ANewerFormatIsRefusedNamingTheProgramItNeeds) {
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

TEST_F(DamageTest, BytesOfAnotherPlaceOrStoreAreNoRecord) {
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

}  // namespace
}  // namespace coworker::journal
