#include "job/id.h"

#include <gtest/gtest.h>

namespace coworker::job {
namespace {

struct TtlCase {
  const char* name;
  std::int64_t ttl;
  bool retried;
  const char* digits;
};

class IdTtl : public testing::TestWithParam<TtlCase> {};

// The endings that were measured on Disque 1.0-rc1.
TEST_P(IdTtl, EndsAsDisqueDoes) {
  JobId id{.node = 0xabcdef01, .ttl = id_ttl(GetParam().ttl, GetParam().retried), .key = Key{77}, .salt = {}};
  EXPECT_EQ(to_string(id).substr(36), GetParam().digits);
  EXPECT_EQ(id.at_most_once(), !GetParam().retried);
}

INSTANTIATE_TEST_SUITE_P(
    Table, IdTtl,
    testing::Values(TtlCase{"DayRetried", 86'400, true, "05a1"}, TtlCase{"DayOnce", 86'400, false, "05a0"},
                    TtlCase{"Minute", 60, true, "0001"}, TtlCase{"LessThanAMinute", 59, true, "0001"},
                    TtlCase{"TwoMinutesRetried", 120, true, "0003"}, TtlCase{"TwoMinutesOnce", 120, false, "0002"},
                    TtlCase{"Longest", 3'932'100, true, "ffff"}, TtlCase{"LongestOnce", 3'932'100, false, "fffe"},
                    TtlCase{"LongerStill", 9'999'999'999, true, "ffff"}),
    [](const auto& row) { return row.param.name; });

TEST(JobIdText, ReadsWhatItWrote) {
  const JobId id{
      .node = 0x0badcafe, .ttl = 0x05a1, .key = Key{0x0102030405060708}, .salt = {9, 8, 7, 6, 5, 4, 3, 2, 1, 255}};
  const std::string text = to_string(id);
  EXPECT_EQ(text.size(), 40u);
  EXPECT_EQ(text.substr(0, 11), "D-0badcafe-");
  EXPECT_EQ(parse_id(text), id);
}

TEST(JobIdText, TellsAWrongShapeFromAForeignId) {
  EXPECT_FALSE(parse_id(""));
  EXPECT_FALSE(parse_id("D-0badcafe"));
  EXPECT_FALSE(parse_id(std::string(40, 'D')));
  const auto foreign = parse_id("D-ZZZZZZZZ-~~~~~~~~~~~~~~~~~~~~~~~~-05a1");
  ASSERT_TRUE(foreign) << "the shape is all that Disque checks";
  EXPECT_EQ(foreign->key, Key{}) << "and it names no job";
}

}  // namespace
}  // namespace coworker::job
