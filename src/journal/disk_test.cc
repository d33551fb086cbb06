#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "journal/found.h"
#include "journal/journal.h"
#include "journal/open_disk.h"
#include "journal/verify.h"

// The disks that are real: a folder, a small file system, and a recorded folder that loses power.
namespace coworker::journal {
namespace {

namespace fs = std::filesystem;

class RealDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "coworker-journal-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override {
    for (const std::string& mounted : mounted_) ::umount(mounted.c_str());
    fs::remove_all(root_);
  }

  std::string path(const std::string& name) const { return (root_ / name).string(); }

  static std::unique_ptr<Disk> disk_at(const std::string& directory, const std::string& record = "") {
    auto disk = open_disk(directory, record);
    EXPECT_TRUE(disk) << disk.error().message();
    return std::move(*disk);
  }

  static std::unique_ptr<Journal> journal_on(Disk& disk, Found& found, std::uint64_t segment_bytes = 0) {
    auto journal = Journal::open(disk, {.checkpoint = [] { return "state"; }, .segment_bytes = segment_bytes}, found);
    EXPECT_TRUE(journal) << journal.error().message();
    return std::move(*journal);
  }

  static Result<> add(Journal& journal, const std::string& head, std::size_t body, Urgency urgency = Urgency::normal) {
    if (auto room = journal.reserve(Journal::record_bytes(1, head.size() + body), urgency); !room) return room;
    journal.begin_record();
    journal.add_item(head, std::string(body, 'b'));
    journal.commit_record();
    return {};
  }

  fs::path root_;
  std::vector<std::string> mounted_;
};

TEST_F(RealDiskTest, AJournalInAFolderIsFoundAgain) {
  const auto disk = disk_at(path("a/b/store"));
  for (int opening = 0; opening < 3; ++opening) {
    Found found;
    const auto journal = journal_on(*disk, found, 64 << 10);
    ASSERT_EQ(found.items.size(), static_cast<std::size_t>(opening) * 500);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(add(*journal, "item", 700));
    ASSERT_TRUE(journal->sync());
  }
  const auto report = verify(*disk);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->items, 1500u);
}

TEST_F(RealDiskTest, ASecondOwnerIsToldWhoTheFirstIs) {
  auto first = disk_at(path("store"));
  const auto second = disk_at(path("store"));
  ASSERT_TRUE(first->lock());
  const auto refused = second->lock();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::conflict);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("process " + std::to_string(::getpid())));
  first.reset();
  EXPECT_TRUE(second->lock());
}

TEST_F(RealDiskTest, NamesBehaveAsDiskSays) {
  const auto disk = disk_at(path("store"));
  ASSERT_TRUE(disk->create("one"));
  EXPECT_EQ(disk->create("one").error().code(), Errc::conflict);
  EXPECT_EQ(disk->open("two").error().code(), Errc::not_found);
  EXPECT_EQ(disk->remove("two").error().code(), Errc::not_found);
  ASSERT_TRUE(replace_small(*disk, "one", as_bytes("content")));
  ASSERT_TRUE(replace_small(*disk, "one", as_bytes("changed")));
  EXPECT_EQ(*read_small(*disk, "one"), "changed");
  EXPECT_THAT(*disk->list(), testing::ElementsAre("one"));
}

TEST_F(RealDiskTest, AFileDoesWhatFileSays) {
  const auto disk = disk_at(path("store"));
  const auto file = disk->create("file");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->preallocate(100'000));
  EXPECT_EQ(*(*file)->size(), 100'000u);
  ASSERT_TRUE(write_all(**file, 99'998, as_bytes("ends")));
  std::string text(6, 'x');
  EXPECT_EQ(*read_up_to(**file, 99'996, std::as_writable_bytes(std::span{text})), 6u);
  EXPECT_EQ(text, std::string_view("\0\0ends", 6));
  EXPECT_EQ(*read_up_to(**file, 100'000, std::as_writable_bytes(std::span{text})), 2u);
  ASSERT_TRUE((*file)->truncate(10));
  EXPECT_EQ(*read_up_to(**file, 10, std::as_writable_bytes(std::span{text})), 0u);
  EXPECT_TRUE((*file)->data_sync());
}

TEST_F(RealDiskTest, SyncsAndReadsOnOtherThreadsWhileAppending) {
  const auto disk = disk_at(path("store"));
  Found found;
  const auto journal = journal_on(*disk, found, 256 << 10);
  Position last = 0;
  for (int round = 0; round < 60; ++round) {
    ASSERT_TRUE(journal->reserve(Journal::record_bytes(1, 8), Urgency::normal));
    journal->begin_record();
    last = journal->add_item("head", "body");
    journal->commit_record();
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(add(*journal, std::to_string(round), 500));
    ASSERT_TRUE(journal->write_out());
    auto task = journal->start_sync();
    ASSERT_TRUE(task);
    Result<> synced;
    std::thread syncer{[&] { synced = task->run(); }};
    const auto pin = journal->pin(last);
    ASSERT_TRUE(pin);
    Result<Item> item = fail(Errc::internal, "not read");
    std::thread reader{[&] { item = pin->read(); }};
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(add(*journal, std::to_string(round), 500));
    ASSERT_TRUE(journal->write_out());
    if (journal->segments().size() > 2) journal->drop_oldest();
    syncer.join();
    reader.join();
    ASSERT_TRUE(journal->finish_sync(*task, synced));
    ASSERT_GE(journal->synced(), task->covers());
    ASSERT_TRUE(item) << item.error().message();
    EXPECT_EQ(item->body(), "body");
  }
}

TEST_F(RealDiskTest, ASmallDiskRefusesAddsAndResumesWhenCompacted) {
  const std::string directory = path("small");
  fs::create_directory(directory);
  if (::mount("none", directory.c_str(), "tmpfs", 0, "size=24m") != 0) GTEST_SKIP() << "mounting is not permitted";
  mounted_.push_back(directory);
  const auto disk = disk_at(directory + "/store");
  Found found;
  auto journal = journal_on(*disk, found);
  for (int round = 0; round < 3; ++round) {
    int adds = 0;
    Result<> added;
    while ((added = add(*journal, "add", 900))) {
      ++adds;
      ASSERT_TRUE(journal->write_out());
    }
    EXPECT_EQ(added.error().code(), Errc::resource_exhausted);
    if (round == 0) EXPECT_GT(adds, 18'000) << "three quarters of the disk can be used";
    int acks = 0;
    while (add(*journal, "ack", 0, Urgency::vital)) ++acks;
    EXPECT_GT(acks, 10'000);
    ASSERT_TRUE(journal->sync());
    ASSERT_TRUE(journal->writable()) << journal->trouble();
    while (journal->segments().size() > 3) {
      journal->drop_oldest();
      ASSERT_TRUE(journal->sync());
    }
  }
  journal.reset();
  Found again;
  journal = journal_on(*disk, again);
  EXPECT_TRUE(journal->writable());
  EXPECT_TRUE(add(*journal, "add", 900));
}

TEST_F(RealDiskTest, APowerCutKeepsWhatWasSyncedAndNothingElse) {
  const std::string record = path("record");
  int synced = 0;
  int serial = 0;
  for (int life = 0; life < 4; ++life) {
    // A new process on the same machine: what the last one had only written is still there.
    const auto disk = disk_at(path("store"), record);
    Found found;
    const auto journal = journal_on(*disk, found, 16 << 10);
    serial = static_cast<int>(found.items.size());
    ASSERT_GE(serial, synced);
    if (journal->synced() == journal->end()) synced = serial;
    for (int round = 0; round < 6; ++round) {
      for (int i = 0; i < 7 + 10 * round; ++i) ASSERT_TRUE(add(*journal, std::to_string(serial++), 600));
      if (round % 2 == 0) {
        ASSERT_TRUE(journal->sync());
        synced = serial;
      } else {
        ASSERT_TRUE(journal->write_out());
      }
      const std::string target = path("cut-" + std::to_string(life) + "-" + std::to_string(round));
      ASSERT_TRUE(power_cut(record, target));
      const auto after = disk_at(target);
      Found left;
      const auto reopened = journal_on(*after, left, 16 << 10);
      ASSERT_GE(left.items.size(), static_cast<std::size_t>(synced));
      if (round % 2 == 1 && journal->synced() < journal->written()) {
        EXPECT_LT(left.items.size(), static_cast<std::size_t>(serial)) << "unsynced bytes were kept";
      }
      for (std::size_t i = 0; i < left.items.size(); ++i) ASSERT_EQ(left.items[i].head, std::to_string(i));
    }
  }
  EXPECT_EQ(power_cut(record, path("store")).error().code(), Errc::conflict);
}

TEST_F(RealDiskTest, ARecordOfSyncsGoesOnWhereAKillCutAnEntryShort) {
  const std::string record = path("record");
  for (int life = 0; life < 3; ++life) {
    const auto disk = disk_at(path("store"), record);
    Found found;
    const auto journal = journal_on(*disk, found);
    ASSERT_EQ(found.items.size(), static_cast<std::size_t>(life));
    ASSERT_TRUE(add(*journal, std::to_string(life), 600));
    ASSERT_TRUE(journal->sync());
    std::ofstream{record, std::ios::app} << std::string(20, '\x7f');
  }
  ASSERT_TRUE(power_cut(record, path("after")));
  const auto after = disk_at(path("after"));
  Found left;
  ASSERT_NE(journal_on(*after, left), nullptr);
  EXPECT_EQ(left.items.size(), 3u);
}

}  // namespace
}  // namespace coworker::journal
