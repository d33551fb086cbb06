#include "store/embedded/history.h"

#include <gmock/gmock.h>

#include "journal/sim_disk.h"

namespace coworker::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

thread_local std::int64_t clock_ms = 1'700'000'000'000;

job::JobId job_number(std::uint64_t key) {
  job::JobId id;
  id.key = job::Key{key};
  return id;
}

class HistoryOnADisk : public testing::Test {
 protected:
  static constexpr std::uint64_t kDisk = 64u << 20;

  HistoryOnADisk() { open(); }

  void open(std::uint64_t bytes = 1u << 20) {
    history_ = nullptr;
    History::Options options;
    options.bytes = bytes;
    options.wall_clock = [] { return clock_ms; };
    auto opened = History::open(disk_, options);
    ASSERT_TRUE(opened) << opened.error().message();
    history_ = std::move(*opened);
  }

  void record(std::uint64_t job, const std::string& event) {
    job::Record record;
    record.items.push_back({job_number(job), event});
    history_->record(record);
    history_->write_out();
  }

  job::HistoryPage ask(std::uint64_t job, std::uint64_t after = 0, std::uint32_t count = 1000) {
    auto page = history_->search({job_number(job), after, count}).run();
    EXPECT_TRUE(page) << page.error().message();
    return page.value_or(job::HistoryPage{});
  }

  /// Enough of another job's events to fill about `files` files.
  void fill(int files) {
    const std::string event = R"({"x":")" + std::string(8000, 'x') + "\"}";
    for (int i = 0; i < files * 9; ++i) record(999, event);
  }

  std::size_t files() {
    std::size_t count = 0;
    const auto names = disk_.list();
    for (const std::string& name : *names) count += history::number_of(name) ? 1 : 0;
    return count;
  }

  journal::SimDisk disk_{1, kDisk};
  std::unique_ptr<History> history_;
};

TEST_F(HistoryOnADisk, GivesAJobsEventsInTheirOrder) {
  record(1, R"({"n":1})");
  record(2, R"({"n":2})");
  record(1, R"({"n":3})");
  EXPECT_THAT(ask(1).events, ElementsAre(R"({"n":1})", R"({"n":3})"));
  EXPECT_THAT(ask(2).events, ElementsAre(R"({"n":2})"));
  EXPECT_THAT(ask(3).events, IsEmpty());
}

TEST_F(HistoryOnADisk, GoesOnWhereAPageEnded) {
  record(1, R"({"n":1})");
  fill(3);
  record(1, R"({"n":2})");
  record(1, R"({"n":3})");
  const job::HistoryPage first = ask(1, 0, 2);
  EXPECT_THAT(first.events, ElementsAre(R"({"n":1})", R"({"n":2})"));
  const job::HistoryPage second = ask(1, first.cursor, 2);
  EXPECT_THAT(second.events, ElementsAre(R"({"n":3})"));
  EXPECT_EQ(ask(1, second.cursor).cursor, second.cursor);
  record(1, R"({"n":4})");
  EXPECT_THAT(ask(1, second.cursor).events, ElementsAre(R"({"n":4})"));
}

TEST_F(HistoryOnADisk, IsThereAfterAnotherOpening) {
  record(1, R"({"n":1})");
  fill(2);
  record(1, R"({"n":2})");
  open();
  record(1, R"({"n":3})");
  open();
  EXPECT_THAT(ask(1).events, ElementsAre(R"({"n":1})", R"({"n":2})", R"({"n":3})"));
}

TEST_F(HistoryOnADisk, MakesADamagedIndexAgain) {
  record(1, R"({"n":1})");
  fill(1);
  open();
  auto index = disk_.open(history::index_name(1));
  ASSERT_TRUE(index);
  ASSERT_TRUE((*index)->pwrite(40, journal::as_bytes("damage")));
  open();
  EXPECT_THAT(ask(1).events, ElementsAre(R"({"n":1})"));
}

TEST_F(HistoryOnADisk, KeepsWhatStandsBeforeTheDamageInALog) {
  record(1, R"({"n":1})");
  record(1, R"({"n":2})");
  auto log = disk_.open(history::log_name(1));
  ASSERT_TRUE(log);
  const std::uint64_t second = history::kLogHeader + history::kEventHeader + 7;
  ASSERT_TRUE((*log)->pwrite(second + history::kEventHeader, journal::as_bytes("?")));
  open();
  EXPECT_THAT(ask(1).events, ElementsAre(R"({"n":1})"));
}

TEST_F(HistoryOnADisk, StaysWithinItsSizeAndForgetsTheOldest) {
  record(1, R"({"n":1})");
  fill(40);
  EXPECT_THAT(ask(1).events, IsEmpty());
  EXPECT_LE(files(), 2 * 18U);
  record(2, R"({"n":2})");
  EXPECT_THAT(ask(2).events, ElementsAre(R"({"n":2})"));
}

TEST_F(HistoryOnADisk, ForgetsWhatIsTooOld) {
  record(1, R"({"n":1})");
  fill(1);
  clock_ms += 8 * 86'400'000LL;
  history_->trim();
  EXPECT_THAT(ask(1).events, IsEmpty());
}

TEST_F(HistoryOnADisk, ANewFileIsNotWrittenOnANearlyFullDisk) {
  auto filler = disk_.create("filler");
  ASSERT_TRUE(filler);
  ASSERT_TRUE((*filler)->preallocate(kDisk - (2u << 20)));
  record(1, R"({"n":1})");
  EXPECT_EQ(history_->lost(), 1U);
  EXPECT_EQ(files(), 0U);
  (*filler) = nullptr;
  ASSERT_TRUE(disk_.remove("filler"));
  ASSERT_TRUE(disk_.sync_dir());
  record(1, R"({"n":2})");
  EXPECT_THAT(ask(1).events, ElementsAre(R"({"n":2})"));
}

TEST_F(HistoryOnADisk, WithoutRoomNothingIsKept) {
  open(0);
  record(1, R"({"n":1})");
  EXPECT_FALSE(history_->keeps());
  EXPECT_EQ(files(), 0U);
}

TEST_F(HistoryOnADisk, ASearchOutlivesTheFilesItWouldRead) {
  record(1, R"({"n":1})");
  fill(1);
  const History::Search search = history_->search({job_number(1), 0, 10});
  clock_ms += 8 * 86'400'000LL;
  history_->trim();
  const auto page = search.run();
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_THAT(page->events, IsEmpty());
}

}  // namespace
}  // namespace coworker::store
