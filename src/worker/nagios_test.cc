#include "worker/nagios.h"

#include <gmock/gmock.h>

#include <vector>

namespace coworker::worker {
namespace {

using Texts = std::vector<std::string>;

struct RangeCase {
  const char* name;
  const char* text;
  const char* canonical;
  std::vector<double> fine;
  std::vector<double> alerts;
};

class Case20_Range : public testing::TestWithParam<RangeCase> {};

TEST_P(Case20_Range, AlertsOutsideItsBounds) {
  const Result<AlertRange> range = parse_range(GetParam().text);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->text(), GetParam().canonical);
  for (const double value : GetParam().fine) EXPECT_FALSE(range->alerts(value)) << value;
  for (const double value : GetParam().alerts) EXPECT_TRUE(range->alerts(value)) << value;
}

INSTANTIATE_TEST_SUITE_P(Table, Case20_Range,
                         testing::Values(RangeCase{"Upper", "10", "10", {0, 5, 10}, {-1, 10.5}},
                                         RangeCase{"Zero", "0", "0", {0}, {-1, 0.1, 1}},
                                         RangeCase{"ZeroToFive", "0:5", "5", {0, 5}, {-1, 6}},
                                         RangeCase{"NoneToFive", ":5", "5", {0, 5}, {-1, 6}},
                                         RangeCase{"Lower", "10:", "10:", {10, 1e9}, {9.9, -1}},
                                         RangeCase{"FromZero", "0:", "0:", {0, 7}, {-0.1}},
                                         RangeCase{"NoLower", "~:3", "~:3", {-1e9, 3}, {4}},
                                         RangeCase{"NoLowerToZero", "~:0", "~:0", {-5, 0}, {0.5}},
                                         RangeCase{"Both", "-2:2.5", "-2:2.5", {-2, 0, 2.5}, {-3, 3}},
                                         RangeCase{"Inside", "@1:2", "@1:2", {0, 3}, {1, 1.5, 2}}),
                         [](const auto& row) { return row.param.name; });

TEST(Nagios, Case20_RangesThatMakeNoSenseAreRefused) {
  for (const char* text : {"", "@", "abc", "1:x", "20:10", "1:2:3", "nan", "inf"}) {
    EXPECT_FALSE(parse_range(text)) << text;
  }
}

const Status kFull{"full", {{"served", 1, "c", 0, 100}}};

Verdict judged(const Status& status, const Texts& counters, const Texts& warnings, const Texts& criticals) {
  const auto tests = counter_tests(counters, warnings, criticals);
  return tests ? judge(status, *tests) : Verdict{Health::unknown, tests.error().message()};
}

TEST(Nagios, Case20_ExitCodesAndOutputOfOneCounter) {
  EXPECT_EQ(judged(kFull, {"served"}, {"10"}, {"20"}).output, "SHARED-WORKER OK - full | 'served'=1c;10;20;0;100");
  EXPECT_EQ(judged(kFull, {"served"}, {"10"}, {"20"}).health, Health::ok);
  EXPECT_EQ(judged(kFull, {"served"}, {"0"}, {"20"}).health, Health::warning);
  EXPECT_EQ(judged(kFull, {"served"}, {"10"}, {"2:"}).health, Health::critical);
  EXPECT_EQ(judged(kFull, {"served"}, {"0"}, {"0"}).health, Health::critical);
  EXPECT_EQ(judged(kFull, {}, {}, {}).output, "SHARED-WORKER OK - full | 'served'=1c;;;0;100");
}

TEST(Nagios, Case20_TwoCounters) {
  const Status status{std::nullopt, {{"a", 1}, {"b", 2.5, "s"}}};
  EXPECT_EQ(judged(status, {"b"}, {"2"}, {}).output, "SHARED-WORKER WARNING | 'a'=1\n| 'b'=2.5s;2");
  EXPECT_EQ(judged({"one\n\n two \n", status.counters}, {}, {}, {}).output,
            "SHARED-WORKER OK - one | 'a'=1\ntwo | 'b'=2.5s");
}

TEST(Nagios, Case20_FourCounters) {
  const Status status{"t", {{"a", 1}, {"b", 2}, {"c'|=", 3, "x;|"}, {"d", 4, "", 0}}};
  EXPECT_EQ(judged(status, {}, {}, {}).output, "SHARED-WORKER OK - t | 'a'=1\n| 'b'=2\n'c'=3x\n'd'=4;;;0");
}

TEST(Nagios, Case20_NullValueIsUnknown) {
  const Verdict verdict = judged({"t", {{"a"}}}, {"a"}, {"1"}, {});
  EXPECT_EQ(verdict.health, Health::unknown);
  EXPECT_EQ(verdict.output, "SHARED-WORKER UNKNOWN - t | 'a'=U;1");
}

TEST(Nagios, Case20_MissingCounterIsUnknownWithAClearText) {
  const Verdict verdict = judged(kFull, {"lost"}, {"1"}, {});
  EXPECT_EQ(verdict.health, Health::unknown);
  EXPECT_THAT(verdict.output, testing::StartsWith("SHARED-WORKER UNKNOWN - the counter 'lost' is not in the status"));
}

TEST(Nagios, Case20_UnknownIsWorseThanCritical) {
  EXPECT_EQ(judged({"", {{"a", 5}, {"b"}}}, {"a", "b"}, {}, {"1", "1"}).health, Health::unknown);
}

TEST(Nagios, Case20_CountsMustMatch) {
  EXPECT_EQ(judged(kFull, {"served"}, {"1", "2"}, {}).health, Health::unknown);
  EXPECT_EQ(judged(kFull, {"served", "a"}, {}, {"1"}).health, Health::unknown);
  EXPECT_THAT(judged(kFull, {}, {"1"}, {}).output, testing::HasSubstr("--warning is given 1 times, for 0 counters"));
}

}  // namespace
}  // namespace coworker::worker
