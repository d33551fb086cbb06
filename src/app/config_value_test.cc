#include "app/config_value.h"

#include <gtest/gtest.h>

namespace coworker::app {
namespace {

TEST(ConfigValue, DurationsHaveUnitsAndABareNumberIsSeconds) {
  EXPECT_EQ(parse_duration("250ms"), Millis{250});
  EXPECT_EQ(parse_duration("10s"), Millis{10'000});
  EXPECT_EQ(parse_duration("10"), Millis{10'000});
  EXPECT_EQ(parse_duration("5m"), Millis{300'000});
  EXPECT_EQ(parse_duration("2h"), Millis{7'200'000});
  EXPECT_EQ(parse_duration("30d"), Millis{2'592'000'000});
  EXPECT_EQ(parse_duration("0.5"), Millis{500});
  EXPECT_EQ(parse_duration("0"), Millis{0});
}

TEST(ConfigValue, WhatIsNoDurationIsRefused) {
  for (const char* text : {"", "x", "-1", "10 s", "10S", "1e3", "5min", "s", "nan", "inf", "0x10", "1..2s", "+1",
                           "999999999999999999999d", "101000d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ConfigValue, ADurationIsWrittenAsItIsRead) {
  for (const char* text : {"250ms", "90s", "5m", "2h", "30d", "0s"}) {
    EXPECT_EQ(write_duration(*parse_duration(text)), text);
  }
}

TEST(ConfigValue, SizesCountIn1024) {
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("64K"), 65'536u);
  EXPECT_EQ(parse_size("512M"), 536'870'912u);
  EXPECT_EQ(parse_size("2G"), 2'147'483'648u);
  for (const char* text : {"", "M", "-1", "1T", "1.5G", "1 M", "99999999999G"}) EXPECT_FALSE(parse_size(text)) << text;
}

TEST(ConfigValue, IntegersAreWholeAndInRange) {
  EXPECT_EQ(parse_integer("-128", -128, 127), -128);
  for (const char* text : {"", "128", "1.0", "1x", " 1", "0x1", "99999999999999999999"}) {
    EXPECT_FALSE(parse_integer(text, -128, 127)) << text;
  }
  EXPECT_NE(parse_integer("200", -128, 127).error().message().find("-128 to 127"), std::string::npos);
}

TEST(ConfigValue, WordsAreSplitAsAShellDoes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_words("php  resize.php"), (Words{"php", "resize.php"}));
  EXPECT_EQ(split_words("a 'b c' \"d $e\" f\\ g ''"), (Words{"a", "b c", "d $e", "f g", ""}));
  EXPECT_EQ(split_words(R"("a\"b\n" 'it'\''s')"), (Words{R"(a"b\n)", "it's"}));
  EXPECT_EQ(split_words("  "), Words{});
  EXPECT_FALSE(split_words("a 'b"));
  EXPECT_FALSE(split_words("a \"b"));
}

TEST(ConfigValue, TheNearestNameIsSuggestedAndNoFarOne) {
  const std::vector<std::string_view> names{"job_lifetime", "job_process_timeout", "max_retries", "listen"};
  EXPECT_EQ(nearest("job-lifetime", names), "job_lifetime");
  EXPECT_EQ(nearest("max_retires", names), "max_retries");
  EXPECT_EQ(nearest("lisen", names), "listen");
  EXPECT_EQ(nearest("colour", names), "");
  EXPECT_EQ(nearest("", names), "");
}

}  // namespace
}  // namespace coworker::app
