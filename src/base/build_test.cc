#include "base/build.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <string>

namespace coworker {
namespace {

TEST(Build, VersionIsThreeNumbers) {
  EXPECT_EQ(std::count(version().begin(), version().end(), '.'), 2);
  EXPECT_TRUE(std::isdigit(static_cast<unsigned char>(version().front())));
}

TEST(Build, IdIsTheOneInTheProgramsFile) {
  const std::string id = build_id();
  ASSERT_EQ(id.size(), 40u);

  std::string bytes;
  for (std::size_t i = 0; i < id.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(id.substr(i, 2), nullptr, 16));
  }
  std::ifstream file{"/proc/self/exe", std::ios::binary};
  const std::string program{std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
  EXPECT_NE(program.find(std::string{"GNU\0", 4} + bytes), std::string::npos);
}

}  // namespace
}  // namespace coworker
