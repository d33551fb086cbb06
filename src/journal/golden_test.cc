#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "journal/found.h"
#include "journal/journal.h"
#include "journal/open_disk.h"
#include "journal/sim_disk.h"
#include "journal/verify.h"

// A journal of each format version lies in tests/golden and is opened for ever. With CW_WRITE_GOLDEN=DIRECTORY
// that of the current version is written there.
namespace coworker::journal {
namespace {

namespace fs = std::filesystem;

std::string body_of(std::size_t bytes) {
  std::string body(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) body[i] = static_cast<char>('a' + i * i % 26);
  return body;
}

/// Two segments; records of one and of several items, with and without body, with and without mark.
void write_golden(Disk& disk) {
  Found found;
  auto journal = Journal::open(
      disk, {.checkpoint = [] { return "golden checkpoint"; }, .segment_bytes = 8192, .identity = 0x636F776F726B6572},
      found);
  ASSERT_TRUE(journal) << journal.error().message();
  for (std::size_t i = 0; i < 12; ++i) {
    ASSERT_TRUE((*journal)->reserve(Journal::record_bytes(3, 2000), Urgency::vital));
    (*journal)->begin_record();
    (*journal)->add_item("head " + std::to_string(i), body_of(i * 50));
    if (i % 3 == 0) {
      (*journal)->add_item("second");
      (*journal)->add_item("", "third");
    }
    (*journal)->commit_record();
    if (i % 4 == 0) ASSERT_TRUE((*journal)->sync());
  }
  ASSERT_TRUE((*journal)->close());
}

void copy(Disk& from, Disk& to) {
  const auto names = from.list();
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    if (!name.ends_with(".seg")) continue;
    const auto content = read_small(from, name);
    ASSERT_TRUE(content);
    ASSERT_TRUE(replace_small(to, name, as_bytes(*content)));
  }
}

TEST(GoldenJournal, VersionOneIsRead) {
  if (const char* const directory = std::getenv("CW_WRITE_GOLDEN")) {
    SimDisk fresh{1};
    write_golden(fresh);
    const auto target = open_disk(directory);
    ASSERT_TRUE(target);
    copy(fresh, **target);
  }
  const auto golden = open_disk(CW_SOURCE_DIR "/tests/golden/journal-1");
  ASSERT_TRUE(golden);
  SimDisk disk{1};
  copy(**golden, disk);
  const auto report = verify(disk);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->segments, 2u);
  Found found;
  auto journal = Journal::open(disk, {.checkpoint = [] { return ""; }}, found);
  ASSERT_TRUE(journal) << journal.error().message();
  ASSERT_EQ(found.items.size(), 20u);
  EXPECT_EQ(found.checkpoints.at(0).text, "golden checkpoint");
  std::size_t next = 0;
  for (const auto& seen : found.items) {
    const auto item = (*journal)->read(seen.position);
    ASSERT_TRUE(item) << item.error().message();
    if (seen.head == "second") {
      EXPECT_EQ(item->body(), "");
    } else if (seen.head.empty()) {
      EXPECT_EQ(item->body(), "third");
    } else {
      EXPECT_EQ(seen.head, "head " + std::to_string(next));
      EXPECT_EQ(item->body(), body_of(next++ * 50));
    }
  }
  EXPECT_EQ(next, 12u);
}

TEST(GoldenJournal, VersionOneIsStillWritten) {
  SimDisk fresh{1};
  write_golden(fresh);
  const auto golden = open_disk(CW_SOURCE_DIR "/tests/golden/journal-1");
  ASSERT_TRUE(golden);
  const auto names = (*golden)->list();
  ASSERT_TRUE(names);
  ASSERT_EQ(names->size(), 2u);
  for (const std::string& name : *names) {
    EXPECT_TRUE(*read_small(fresh, name) == *read_small(**golden, name))
        << name << ": the format changed: raise kFormatVersion and keep reading the old one";
  }
}

}  // namespace
}  // namespace coworker::journal
