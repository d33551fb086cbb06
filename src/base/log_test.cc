#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace coworker::log {
namespace {

constexpr std::int64_t kMoment = 1'700'000'000'123;

TEST(Log, TextLineHasTimeLevelRoleAndFields) {
  EXPECT_EQ(format_line(Format::text, kMoment, Level::warning, "broker", 7, "disk is full", {{"free", "0"}}),
            "2023-11-14T22:13:20.123Z warning broker[7]: disk is full free=0");
}

TEST(Log, JsonLineQuotesWhatItIsGiven) {
  EXPECT_EQ(format_line(Format::json, kMoment, Level::info, "consumer", 7, "say \"x\\y\"", {{"job", "a\tb"}}),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"info","role":"consumer","pid":7,)"
            R"("text":"say \"x\\y\"","job":"a\tb"})");
}

TEST(Log, AJobsTextCannotForgeALine) {
  const std::string line = format_line(Format::text, kMoment, Level::info, "x", 1, "one\ntwo\x1b[31m", {});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(Log, EveryLevelIsParsedByItsName) {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error, Level::critical}) {
    EXPECT_EQ(parse_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_level("loud"), std::nullopt);
}

TEST(Log, WritesToAFileWhatIsAtLeastOfItsLevel) {
  std::string path = testing::TempDir() + "coworker-log-XXXXXX";
  const int fd = ::mkstemp(path.data());
  ASSERT_GE(fd, 0);
  ::close(fd);
  ASSERT_TRUE(configure({.level = Level::warning, .format = Format::text, .file = path}));
  info("not this");
  error("but this");
  ASSERT_TRUE(configure({}));

  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  ::unlink(path.c_str());
  EXPECT_EQ(text.find("not this"), std::string::npos);
  EXPECT_NE(text.find("error coworker["), std::string::npos);
  EXPECT_EQ(text.back(), '\n');
}

TEST(Log, AFileThatWasMovedAwayIsOpenedAgain) {
  const std::string path = testing::TempDir() + "coworker-log-moved-" + std::to_string(::getpid());
  ASSERT_TRUE(configure({.level = Level::info, .format = Format::text, .file = path}));
  error("before");
  ASSERT_EQ(std::rename(path.c_str(), (path + ".1").c_str()), 0);
  error("still the old one");
  reopen();
  error("after");
  ASSERT_TRUE(configure({}));
  const auto read = [](const std::string& name) {
    std::ifstream file{name};
    return std::string{std::istreambuf_iterator<char>{file}, {}};
  };
  const std::string old = read(path + ".1");
  const std::string now = read(path);
  ::unlink(path.c_str());
  ::unlink((path + ".1").c_str());
  EXPECT_NE(old.find("still the old one"), std::string::npos);
  EXPECT_EQ(old.find("after"), std::string::npos);
  EXPECT_NE(now.find("after"), std::string::npos);
}

TEST(Log, AFileThatCannotBeOpenedIsRefusedByName) {
  const Result<> outcome = configure({.level = Level::info, .format = Format::text, .file = "/dev/null/x.log"});
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message().find("/dev/null/x.log"), std::string::npos);
}

}  // namespace
}  // namespace coworker::log
