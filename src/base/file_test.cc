#include "base/file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace coworker {
namespace {

using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    char name[] = "/tmp/cw-file-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST_F(FileTest, WhatWasWrittenIsRead) {
  const std::string content(100'000, 'x');
  ASSERT_TRUE(replace_file(path("a"), content));
  EXPECT_EQ(read_file(path("a")).value_or(""), content);
  EXPECT_FALSE(std::filesystem::exists(path("a.new")));
  ASSERT_TRUE(replace_file(path("a"), "", 0600, Sync::no));
  EXPECT_EQ(read_file(path("a")).value_or("?"), "");
}

TEST_F(FileTest, WhatCannotBeReadIsAnErrorThatNamesIt) {
  EXPECT_EQ(read_file(path("none")).error().code(), Errc::not_found);
  EXPECT_THAT(read_file(path("none")).error().message(), HasSubstr(path("none")));
  EXPECT_THAT(read_file(folder_).error().message(), HasSubstr(folder_));
  ASSERT_TRUE(replace_file(path("a"), "12345"));
  EXPECT_EQ(read_file(path("a"), 5).value_or(""), "12345");
  EXPECT_EQ(read_file(path("a"), 4).error().code(), Errc::invalid_argument);
}

TEST_F(FileTest, AMemoryFileIsReadFromItsBeginning) {
  const std::string content(1'000'000, 'y');
  const Result<Fd> file = memory_file("test", content);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(read_all(file->get()).value_or(""), content);
}

TEST_F(FileTest, ASecretIsTheFirstLineWhateverEndsIt) {
  for (const char* content : {"secret", "secret\n", "secret\r\nmore\r\n", "secret\nmore"}) {
    ASSERT_TRUE(replace_file(path("s"), content, 0600));
    EXPECT_EQ(read_secret(path("s")).value_or(""), "secret") << content;
  }
  for (const char* content : {"", "\n", "\r\nsecret\n"}) {
    ASSERT_TRUE(replace_file(path("s"), content, 0600));
    EXPECT_EQ(read_secret(path("s")).error().code(), Errc::invalid_argument) << content;
  }
  EXPECT_EQ(read_secret(path("none")).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace coworker
