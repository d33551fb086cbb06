#include "app/daemon_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::app {
namespace {

using ::testing::HasSubstr;

TEST(DaemonArguments, AreShortLongOrTogether) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"-f", "-v", "-s"}, {"-fvs"}, {"--foreground", "--verbose", "--hardstart"}}) {
    const Result<DaemonArguments> arguments = parse_daemon_arguments(words);
    ASSERT_TRUE(arguments);
    EXPECT_TRUE(arguments->foreground && arguments->verbose && arguments->hardstart);
    EXPECT_FALSE(arguments->daemon || arguments->wants_usage());
  }
}

TEST(DaemonArguments, UsageIsTheDefault) {
  EXPECT_TRUE(parse_daemon_arguments({})->wants_usage());
  EXPECT_TRUE(parse_daemon_arguments({"-s"})->wants_usage());
  EXPECT_TRUE(parse_daemon_arguments({"-d", "-h"})->wants_usage());
  EXPECT_FALSE(parse_daemon_arguments({"-d"})->wants_usage());
}

TEST(DaemonArguments, AnythingElseIsAMistake) {
  for (const char* word : {"-x", "--dæmon", "-dx", "start", "-", "--", "", "-d=1"}) {
    const Result<DaemonArguments> arguments = parse_daemon_arguments({word});
    ASSERT_FALSE(arguments) << word;
    EXPECT_EQ(arguments.error().code(), Errc::invalid_argument);
    EXPECT_THAT(arguments.error().message(), HasSubstr(word));
  }
}

TEST(DaemonArguments, TheUsageNamesEveryFlag) {
  const std::string text = daemon_usage("Copies files", "copy");
  for (const char* each : {"Copies files", "-d", "--daemon", "-f", "-v", "-s", "--hardstart", "-h"}) {
    EXPECT_THAT(text, HasSubstr(each));
  }
}

}  // namespace
}  // namespace coworker::app
