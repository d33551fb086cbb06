#include "base/pauses.h"

#include <gtest/gtest.h>

#include <set>

namespace coworker {
namespace {

struct PauseCase {
  const char* name;
  std::uint32_t failures;
  double roll;
  Millis want;
};

class PauseAfter : public testing::TestWithParam<PauseCase> {};

TEST_P(PauseAfter, IsLong) {
  const PauseRule rule{.first = Millis{100}, .longest = Millis{5'000}, .factor = 3, .spread = 0.5};
  EXPECT_EQ(pause_after(rule, GetParam().failures, GetParam().roll), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Table, PauseAfter,
                         testing::Values(PauseCase{"TheFirstFailure", 1, 0.5, Millis{100}},
                                         PauseCase{"EachIsLonger", 3, 0.5, Millis{900}},
                                         PauseCase{"ALowRollShortens", 1, 0, Millis{50}},
                                         PauseCase{"AHighRollLengthens", 2, 0.75, Millis{375}},
                                         PauseCase{"TheyStopGrowing", 5, 0.5, Millis{5'000}},
                                         PauseCase{"AlsoTheLongestIsSpread", 5, 0, Millis{2'500}},
                                         PauseCase{"HowManyEver", 4'000'000'000u, 0.5, Millis{5'000}}),
                         [](const auto& row) { return row.param.name; });

TEST(Pauses, GrowAreSpreadAndBeginAgainAfterASuccess) {
  const PauseRule rule{.first = Millis{100'000}, .longest = Millis{400'000}, .factor = 2, .spread = 0.2};
  std::set<Millis> firsts;
  for (int i = 0; i < 10; ++i) {
    Pauses pauses{rule};
    for (const int nominal : {100'000, 200'000, 400'000, 400'000}) {
      const Millis pause = pauses.next();
      EXPECT_GE(pause, Millis{nominal * 8 / 10});
      EXPECT_LE(pause, Millis{nominal * 12 / 10});
    }
    pauses.reset();
    const Millis first = pauses.next();
    EXPECT_LE(first, Millis{120'000});
    firsts.insert(first);
  }
  EXPECT_GE(firsts.size(), 8u) << "each rolls for itself";
}

}  // namespace
}  // namespace coworker
