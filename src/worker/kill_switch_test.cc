#include "worker/kill_switch.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"

namespace coworker::worker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KillSwitchFile : public testing::Test {
 protected:
  KillSwitchFile() {
    char name[] = "/tmp/cw-switch-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ + "/deep/switch.json";
  }
  ~KillSwitchFile() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& text) {
    std::filesystem::create_directories(folder_ + "/deep");
    std::ofstream{path_} << text;
  }
  std::string text() { return read_file(path_).value_or(""); }
  Switched read() {
    const auto switched = KillSwitch{path_}.read();
    EXPECT_TRUE(switched) << switched.error().message();
    return switched.value_or(Switched{});
  }

  std::string folder_;
  std::string path_;
};

TEST_F(KillSwitchFile, NoFileDisablesNothingAndReadingMakesNone) {
  EXPECT_FALSE(read().disables("unix:/a"));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(KillSwitchFile, AnEditIsThereForTheNextReader) {
  const KillSwitch kill_switch{path_};
  const auto edited = kill_switch.edit([](Switched& switched) {
    switched.disable("unix:///a");
    switched.disable("tcp://127.0.0.1:1");
    switched.disable("unix:/a");
  });
  ASSERT_TRUE(edited) << edited.error().message();
  EXPECT_THAT(read().addresses, ElementsAre("unix:///a", "tcp://127.0.0.1:1"));
  EXPECT_TRUE(read().disables("unix:/a"));
  EXPECT_TRUE(read().disables("unix:///a"));
  EXPECT_FALSE(read().disables("unix:/b"));
  EXPECT_FALSE(read().global);
  ASSERT_TRUE(kill_switch.edit([](Switched& switched) {
    switched.enable("unix:/a");
    switched.enable("unix:/never");
    switched.global = true;
  }));
  EXPECT_THAT(read().addresses, ElementsAre("tcp://127.0.0.1:1"));
  EXPECT_TRUE(read().disables("unix:/b")) << "global";
}

TEST_F(KillSwitchFile, MembersOfOthersSurviveToTheDigit) {
  write(R"({"owner":"deploy","ttl":2.50,"addresses":["unix:///a","unix:///a"],"global":true,"nested":{"a":[1, 2]}})");
  ASSERT_TRUE(KillSwitch{path_}.edit([](Switched& switched) { switched.global = false; }));
  EXPECT_THAT(text(), HasSubstr(R"("owner": "deploy")"));
  EXPECT_THAT(text(), HasSubstr(R"("ttl": 2.50)"));
  EXPECT_THAT(text(), HasSubstr(R"("nested": {"a":[1, 2]})"));
  EXPECT_THAT(read().addresses, ElementsAre("unix:///a"));
}

TEST_F(KillSwitchFile, DamageIsAnErrorAndIsNotWrittenOver) {
  for (const char* damage : {R"({"global":true)", "", "[]", "17", R"({"global":1})", R"({"addresses":"unix:///a"})",
                             R"({"addresses":[1]})", "\xff\xfe"}) {
    write(damage);
    const auto read = KillSwitch{path_}.read();
    ASSERT_FALSE(read) << damage;
    EXPECT_EQ(read.error().code(), Errc::corrupt);
    EXPECT_THAT(read.error().message(), HasSubstr(path_));
    EXPECT_FALSE(KillSwitch{path_}.edit([](Switched& switched) { switched.global = false; }));
    EXPECT_EQ(text(), damage);
  }
}

TEST_F(KillSwitchFile, AnEditThatCannotBeWrittenLeavesTheOldState) {
  write(R"({"global":true})");
  std::filesystem::create_directory(path_ + ".new");  // stands in the way of the new content
  EXPECT_FALSE(KillSwitch{path_}.edit([](Switched& switched) { switched.global = false; }));
  EXPECT_TRUE(read().global);
}

TEST_F(KillSwitchFile, WhatACrashLeftHalfWrittenIsNeverRead) {
  ASSERT_TRUE(KillSwitch{path_}.edit([](Switched& switched) { switched.global = true; }));
  std::ofstream{path_ + ".new"} << R"({"global": fa)";
  EXPECT_TRUE(read().global);
  ASSERT_TRUE(KillSwitch{path_}.edit([](Switched& switched) { switched.work = true; }));
  EXPECT_TRUE(read().global && read().work);
}

TEST_F(KillSwitchFile, KeepsTheModeAndTheLink) {
  write("{}");
  ::chmod(path_.c_str(), 0640);
  const std::string link = folder_ + "/link";
  std::filesystem::create_symlink(path_, link);
  ASSERT_TRUE(KillSwitch{link}.edit([](Switched& switched) { switched.work = true; }));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(read().work);
  struct stat status{};
  ::stat(path_.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST_F(KillSwitchFile, SeveralEditorsLoseNothing) {
  std::vector<std::thread> editors;
  for (int editor = 0; editor < 4; ++editor) {
    editors.emplace_back([&, editor] {
      for (int i = 0; i < 10; ++i) {
        const std::string address = "unix:/" + std::to_string(editor) + "-" + std::to_string(i);
        EXPECT_TRUE(KillSwitch{path_}.edit([&](Switched& switched) { switched.disable(address); }));
        EXPECT_TRUE(KillSwitch{path_}.read()) << "never half an edit";
      }
    });
  }
  for (std::thread& editor : editors) editor.join();
  EXPECT_EQ(read().addresses.size(), 40U);
}

}  // namespace
}  // namespace coworker::worker
