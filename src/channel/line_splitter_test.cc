#include "channel/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace coworker::channel {
namespace {

using ::testing::ElementsAre;

struct Cut {
  std::vector<std::string> lines;
  std::string rest;
  bool fits = true;
};

/// Fed in parts of `step` bytes.
Cut cut(std::string_view text, std::size_t step, std::size_t limit = 100) {
  LineSplitter splitter{limit};
  Cut out;
  while (!text.empty() && out.fits) {
    out.fits = splitter.feed(text.substr(0, step), [&](std::string_view line) { out.lines.emplace_back(line); });
    text.remove_prefix(std::min(step, text.size()));
  }
  out.rest = splitter.take_rest();
  return out;
}

TEST(LineSplitter, CutsInWhateverPartsItComes) {
  for (std::size_t step = 1; step < 16; ++step) {
    const Cut got = cut("one\n\ntwo\r\nth\rree\nrest", step);
    EXPECT_THAT(got.lines, ElementsAre("one", "", "two", "th\rree")) << step;
    EXPECT_EQ(got.rest, "rest");
  }
}

TEST(LineSplitter, ALineOverTheLimitEndsIt) {
  for (std::size_t step = 1; step < 16; ++step) {
    EXPECT_TRUE(cut("12345\n12345\n", step, 5).fits) << step;
    EXPECT_FALSE(cut("12345\n123456\n7\n", step, 5).fits) << step;
    EXPECT_FALSE(cut("123456", step, 5).fits) << step;
  }
}

}  // namespace
}  // namespace coworker::channel
