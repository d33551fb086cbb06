#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "journal/found.h"
#include "journal/journal.h"
#include "journal/sim_disk.h"

namespace coworker::journal {

/// A journal on a simulated disk, for tests.
class JournalFixture : public testing::Test {
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

  int make_hints() {
    int made = 0;
    while (auto task = journal_->start_hint()) {
      const auto result = task->run();
      EXPECT_TRUE(result) << result.error().message();
      journal_->finish_hint(*task, result);
      ++made;
    }
    return made;
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

}  // namespace coworker::journal
