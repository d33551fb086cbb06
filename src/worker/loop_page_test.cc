#include "worker/loop_page.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace coworker::worker {
namespace {

class LoopPages : public testing::Test {
 protected:
  void SetUp() override {
    auto made = LoopPage::create();
    ASSERT_TRUE(made) << made.error().message();
    reader_ = std::move(*made);
    auto opened = LoopPage::open(Fd{::dup(reader_->fd())});
    ASSERT_TRUE(opened) << opened.error().message();
    writer_ = std::move(*opened);
  }

  std::unique_ptr<LoopPage> reader_;
  std::unique_ptr<LoopPage> writer_;
};

TEST_F(LoopPages, WhatOneWritesTheOtherReads) {
  EXPECT_EQ(reader_->phase(), LoopPhase::spinup);
  writer_->set_phase(LoopPhase::paused);
  writer_->count_round(false, std::chrono::milliseconds{5});
  writer_->count_round(true, std::chrono::milliseconds{7});
  EXPECT_EQ(reader_->phase(), LoopPhase::paused);
  EXPECT_EQ(reader_->rounds(), 2u);
  EXPECT_EQ(reader_->failed_rounds(), 1u);
  EXPECT_EQ(reader_->last_round(), std::chrono::milliseconds{7});
}

TEST_F(LoopPages, OnlyWhoWorksCanBeSilent) {
  EXPECT_FALSE(reader_->silent_since());
  writer_->begin();
  const auto begun = reader_->silent_since();
  ASSERT_TRUE(begun);
  while (LoopPage::Clock::now() <= *begun) {
  }
  writer_->beat();
  EXPECT_GT(*reader_->silent_since(), *begun);
  writer_->end();
  EXPECT_FALSE(reader_->silent_since());
  writer_->beat();
  EXPECT_FALSE(reader_->silent_since()) << "a late sign of life is no work";
}

TEST_F(LoopPages, NobodyCanCutItOff) {
  EXPECT_EQ(::ftruncate(reader_->fd(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::fcntl(reader_->fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
}

TEST_F(LoopPages, AFileThatIsTooSmallIsRefused) {
  EXPECT_FALSE(LoopPage::open(Fd{::memfd_create("small", MFD_CLOEXEC)}));
}

}  // namespace
}  // namespace coworker::worker
