#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iterator>
#include <string>
#include <vector>

namespace coworker {
namespace {

// Each of these needs another part of fmt that is compiled once.
TEST(Fmt, EveryKindOfValueIsFormatted) {
  EXPECT_EQ(fmt::format("{} {:>5} {:x}", "a", -12, 255), "a   -12 ff");
  EXPECT_EQ(fmt::format("{} {:.3f} {} {:e}", 0.1, 2.0 / 3, 0.5F, 1e300), "0.1 0.667 0.5 1.000000e+300");
  EXPECT_EQ(fmt::format("{}", fmt::join(std::vector{1, 2, 3}, ", ")), "1, 2, 3");
  EXPECT_EQ(fmt::format("{}", std::chrono::milliseconds{1500}), "1500ms");
  EXPECT_EQ(fmt::format(fmt::runtime("{0} {0}"), "b"), "b b");
  EXPECT_EQ(fmt::format("{:L}", 1234567), "1234567");
  std::string text;
  fmt::format_to(std::back_inserter(text), "{:*^7}", true);
  EXPECT_EQ(text, "*true**");
  EXPECT_THROW(static_cast<void>(fmt::format(fmt::runtime("{"), 1)), fmt::format_error);
}

}  // namespace
}  // namespace coworker
