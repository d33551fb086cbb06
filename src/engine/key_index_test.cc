#include "engine/key_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/id_mint.h"

namespace coworker::engine {
namespace {

class Index : public testing::Test {
 protected:
  Slot insert(job::Key key) {
    index_.insert(key, ++last_);
    return last_;
  }

  KeyIndex index_;
  Slot last_ = 0;
};

TEST_F(Index, HoldsExactlyWhatWasInsertedAndNotErased) {
  std::mt19937_64 random{7};
  std::map<job::Key, Slot> expected;
  std::uint64_t made = 0;
  // Grows to 100,000 keys of three epochs, shrinks to a few, and grows again.
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{50}, std::size_t{30'000}}) {
    while (expected.size() != size) {
      const bool grow = expected.size() < size;
      if (grow || random() % 8 == 0) {
        const job::Key key = key_of(1 + random() % 3, ++made);
        expected[key] = insert(key);
      }
      if (!grow || random() % 8 == 0) {
        const auto victim = std::next(
            expected.begin(), static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(expected.size(), 100)));
        index_.erase(victim->first);
        EXPECT_EQ(index_.find(victim->first), 0u);
        expected.erase(victim);
      }
    }
    EXPECT_EQ(index_.size(), expected.size());
    for (const auto& [key, slot] : expected) ASSERT_EQ(index_.find(key), slot);
  }
  EXPECT_EQ(index_.find(key_of(4, 1)), 0u);
}

TEST_F(Index, TakesAFewBytesAJob) {
  for (std::uint64_t i = 1; i <= 300'000; ++i) insert(key_of(1, i));
  const std::uint64_t most = index_.bytes();
  EXPECT_LE(most, 300'000u * 6);
  for (std::uint64_t i = 1; i <= 300'000; ++i) index_.erase(key_of(1, i));
  for (std::uint64_t i = 300'001; i <= 600'000; ++i) insert(key_of(1, i));
  EXPECT_LE(index_.bytes(), most + most / 8);
}

TEST_F(Index, AJobThatIsLeftOfManyTakesALineAndALittle) {
  for (std::uint64_t i = 1; i <= 3'000'000; ++i) {
    insert(key_of(1, i));
    if (i % 100 != 0) index_.erase(key_of(1, i));
  }
  EXPECT_LE(index_.bytes(), 30'000u * 90);
}

}  // namespace
}  // namespace coworker::engine
