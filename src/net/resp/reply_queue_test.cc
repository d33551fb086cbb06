#include "net/resp/reply_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace coworker::net::resp {
namespace {

/// Fills a slot with a text.
void fill(ReplyQueue& queue, ReplyQueue::Slot slot, std::string_view text, std::string& output) {
  queue.text(slot, output).append(text);
  queue.fill(slot, output);
}

TEST(ReplyQueue, SendsTheLongestFilledPrefix) {
  ReplyQueue queue;
  std::string output;
  const auto a = queue.open(nullptr, 0, 0, false);
  const auto b = queue.open(nullptr, 0, 0, false);
  const auto c = queue.open(nullptr, 0, 0, false);
  fill(queue, c, "c", output);
  EXPECT_EQ(output, "");
  fill(queue, a, "a", output);
  EXPECT_EQ(output, "a");
  EXPECT_EQ(queue.size(), 2u);
  fill(queue, b, "b", output);
  EXPECT_EQ(output, "abc");
  EXPECT_TRUE(queue.empty());
}

TEST(ReplyQueue, ASilentSlotTakesItsTurnAndLeavesNothing) {
  ReplyQueue queue;
  std::string output;
  const auto a = queue.open(nullptr, 0, 0, true);
  const auto b = queue.open(nullptr, 0, 0, false);
  fill(queue, b, "b", output);
  EXPECT_EQ(output, "");
  fill(queue, a, "a", output);
  EXPECT_EQ(output, "b");
}

TEST(ReplyQueue, KeepsTheOrderWhateverTheOrderOfFilling) {
  std::mt19937 random{1};
  for (int round = 0; round < 200; ++round) {
    ReplyQueue queue;
    std::string output;
    std::string want;
    std::vector<std::pair<ReplyQueue::Slot, std::string>> open;
    for (int i = 0; i < 300; ++i) {
      if (open.empty() || random() % 2 == 0) {
        const std::string text(1 + random() % 400, static_cast<char>('a' + i % 26));
        want += text;
        open.emplace_back(queue.open(nullptr, 0, 0, false), text);
      } else {
        std::swap(open[random() % open.size()], open.back());
        fill(queue, open.back().first, open.back().second, output);
        open.pop_back();
      }
      if (random() % 50 == 0) queue.shrink();
    }
    for (const auto& [slot, text] : open) fill(queue, slot, text, output);
    ASSERT_EQ(output, want);
  }
}

}  // namespace
}  // namespace coworker::net::resp
