#include "engine/timers.h"

#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <set>
#include <utility>

namespace coworker::engine {
namespace {

TEST(Timers, AreEmptiedInOrderWhateverTheOrderTheyCameIn) {
  std::mt19937_64 random{3};
  Slab slab;
  Timers timers;
  std::set<std::pair<std::int64_t, std::uint64_t>> expected;
  std::set<Slot> standing;
  std::int64_t now = 0;
  for (std::uint64_t key = 1; key <= 20'000; ++key) {
    now += static_cast<std::int64_t>(random() % 2);
    const Slot slot = slab.take();
    slab[slot].key = job::Key{key};
    slab[slot].state = random() % 4 == 0 ? job::State::scheduled : job::State::leased;
    slab[slot].due = now + (random() % 8 == 0 ? static_cast<std::int64_t>(random() % 1000) : 300);
    timers.insert(slab, slot);
    standing.insert(slot);
    expected.emplace(slab[slot].due, key);
    // Some end before their time, from anywhere; others when it has come.
    while (standing.size() > 500 || (random() % 3 == 0 && !standing.empty())) {
      auto victim = standing.lower_bound(static_cast<Slot>(random() % slab.end()));
      if (victim == standing.end()) victim = standing.begin();
      const Slot gone = random() % 2 == 0 ? *victim : timers.first(slab);
      expected.erase({slab[gone].due, static_cast<std::uint64_t>(slab[gone].key)});
      timers.erase(slab, gone);
      timers.erase(slab, gone);
      standing.erase(gone);
      slab.give(gone);
    }
    ASSERT_EQ(timers.empty(), expected.empty());
    if (expected.empty()) continue;
    const Entry& first = slab[timers.first(slab)];
    ASSERT_EQ(std::pair(first.due, static_cast<std::uint64_t>(first.key)), *expected.begin());
  }
}

}  // namespace
}  // namespace coworker::engine
