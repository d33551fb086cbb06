#include "job/crontab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace coworker::job {
namespace {

struct BodyCase {
  const char* name;
  const char* written;
  const char* json;
};

void PrintTo(const BodyCase& row, std::ostream* out) {
  *out << row.name;
}

class CrontabBody : public testing::TestWithParam<BodyCase> {};

TEST_P(CrontabBody, IsJsonOrAString) {
  const Crontab crontab = parse_crontab(std::string{"* * * * * q "} + GetParam().written);
  ASSERT_THAT(crontab.rows, testing::SizeIs(1));
  EXPECT_EQ(crontab.rows[0].body, GetParam().json);
}

INSTANTIATE_TEST_SUITE_P(Table, CrontabBody,
                         testing::Values(BodyCase{"Object", R"({"a": 1})", R"({"a": 1})"},
                                         BodyCase{"EmptyObject", "{}", "{}"}, BodyCase{"Number", "1", "1"},
                                         BodyCase{"Zero", "0", "0"}, BodyCase{"Null", "null", "null"},
                                         BodyCase{"JsonString", R"("1")", R"("1")"},
                                         BodyCase{"JsonWithBlanksBehind", "{} \t", "{}"},
                                         BodyCase{"Words", "send  the news", R"("send  the news")"},
                                         BodyCase{"WordsWithBlanksBehind", "news ", R"("news ")"},
                                         BodyCase{"AlmostJson", "{a: 1}", R"("{a: 1}")"},
                                         BodyCase{"QuotesAreEscaped", R"(say "hi")", R"("say \"hi\"")"},
                                         BodyCase{"HashIsNoComment", "a # b", R"("a # b")"},
                                         BodyCase{"Utf8", "caf\xc3\xa9", "\"caf\xc3\xa9\""}),
                         [](const auto& row) { return row.param.name; });

TEST(Crontab, RowsCommentsAndLineEnds) {
  const Crontab crontab = parse_crontab(
      "\xef\xbb\xbf# all of them\n\n  \t\r\n*/5 * * * * a 1\r\n\t0 9 * * MON-FRI\tb\t{\"x\": 2}\r@daily c three\n"
      "   # another\n@HOURLY d 4");
  EXPECT_THAT(crontab.faults, testing::IsEmpty());
  ASSERT_THAT(crontab.rows, testing::SizeIs(4));
  EXPECT_EQ(crontab.rows[0].line, 4u);
  EXPECT_EQ(crontab.rows[0].queue, "a");
  EXPECT_EQ(crontab.rows[0].text, "*/5 * * * *");
  EXPECT_EQ(crontab.rows[1].line, 5u);
  EXPECT_EQ(crontab.rows[1].queue, "b");
  EXPECT_EQ(crontab.rows[2].line, 6u);
  EXPECT_EQ(crontab.rows[2].text, "@daily");
  EXPECT_EQ(crontab.rows[3].line, 8u);
}

TEST(Crontab, TimeZonesOfTheFileAndOfRows) {
  const Crontab crontab = parse_crontab(
      "0 1 * * * q 1\nCRON_TZ=Europe/Paris\n0 1 * * * q 1\nCRON_TZ='Asia/Tokyo' 0 1 * * * q 1\n0 2 * * * q 1\n"
      "TZ=\"UTC\"\n0 1 * * * q 1\n");
  EXPECT_THAT(crontab.faults, testing::IsEmpty());
  std::vector<std::string> zones;
  for (const CronRow& row : crontab.rows) zones.push_back(row.zone);
  EXPECT_THAT(zones, testing::ElementsAre("", "Europe/Paris", "Asia/Tokyo", "Europe/Paris", "UTC"));
}

TEST(Crontab, BadRowsAreNamedAndGoodOnesRemain) {
  const Crontab crontab = parse_crontab(
      "* * * * * q 1\n"        // 1
      "61 * * * * q 1\n"       // 2
      "* * * *\n"              // 3
      "* * * * * q\n"          // 4: no body
      "@daily\n"               // 5
      "@reboot q 1\n"          // 6
      "MAILTO=root\n"          // 7
      "CRON_TZ=\n"             // 8
      "*/0 * * * * q 1\n"      // 9
      "* * * * * q caf\xe9\n"  // 10: Latin-1
      "* * * * * last 2\n");   // 11
  std::vector<std::size_t> lines;
  for (const CronFault& fault : crontab.faults) {
    lines.push_back(fault.line);
    EXPECT_FALSE(fault.text.empty());
  }
  EXPECT_THAT(lines, testing::ElementsAre(2, 3, 4, 5, 6, 7, 8, 9, 10));
  ASSERT_THAT(crontab.rows, testing::SizeIs(2));
  EXPECT_EQ(crontab.rows[1].queue, "last");
}

TEST(Crontab, AKeyIsTheRowWhereverItStands) {
  const std::string key = parse_crontab("0 1 * * * q {}").rows.at(0).key;
  EXPECT_EQ(parse_crontab("# one more line\n\n 0  1 * *\t*  q {} ").rows.at(0).key, key);
  std::set<std::string> keys{key};
  for (const char* other : {"0 2 * * * q {}", "0 1 * * * r {}", "0 1 * * * q []", "CRON_TZ=UTC 0 1 * * * q {}"}) {
    EXPECT_TRUE(keys.insert(parse_crontab(other).rows.at(0).key).second) << other;
  }
}

TEST(Crontab, TheSameRowTwiceIsTwoRows) {
  const Crontab crontab = parse_crontab("0 1 * * * q {}\n0 1 * * * q {}\n");
  ASSERT_THAT(crontab.rows, testing::SizeIs(2));
  EXPECT_NE(crontab.rows[0].key, crontab.rows[1].key);
}

}  // namespace
}  // namespace coworker::job
