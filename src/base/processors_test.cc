#include "base/processors.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace coworker {
namespace {

class Quota : public testing::Test {
 protected:
  Quota() {
    std::string pattern = "/tmp/cw-quota-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Quota() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = folder_ + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << text << '\n';
  }
  int of(const std::string& membership) const {
    write("membership", membership);
    return processors_of_quota(folder_ + "/membership", folder_ + "/mount");
  }

 private:
  std::string folder_;
};

TEST_F(Quota, SaysNothingWhereThereIsNone) {
  EXPECT_EQ(of(""), 0);
  EXPECT_EQ(of("0::/"), 0);
  EXPECT_EQ(of("0::/nowhere/to/be/seen"), 0);
  EXPECT_EQ(of("4:cpu:/old"), 0) << "version 1";
  write("mount/a/cpu.max", "max 100000");
  EXPECT_EQ(of("0::/a"), 0);
  write("mount/a/cpu.max", "nonsense");
  EXPECT_EQ(of("0::/a"), 0);
}

TEST_F(Quota, IsRoundedUpToWholeProcessors) {
  write("mount/a/cpu.max", "250000 100000");
  EXPECT_EQ(of("0::/a"), 3);
  write("mount/a/cpu.max", "1000 100000");
  EXPECT_EQ(of("0::/a"), 1);
}

TEST_F(Quota, IsTheLeastOfAllTheGroupsAbove) {
  write("mount/a/b/cpu.max", "800000 100000");
  write("mount/a/cpu.max", "200000 100000");
  EXPECT_EQ(of("0::/a/b"), 2);
  EXPECT_EQ(of("0::/a/b/c"), 2);
  write("mount/cpu.max", "100000 100000");
  EXPECT_EQ(of("0::/a/b/c"), 1);
  EXPECT_EQ(of("0::/"), 1);
}

TEST(Processors, AreAtLeastOne) {
  EXPECT_GE(usable_processors_now(), 1);
}

}  // namespace
}  // namespace coworker
