#include "async/spin.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "base/processors.h"

namespace coworker::async {
namespace {

TEST(Spin, StaysAwayForTwiceAsLongEachTimeItLookedInVain) {
  if (usable_processors_now() < 2) GTEST_SKIP() << "with one processor it never looks";
  Spin spin;
  const auto looks = [&](bool answer) {
    bool looked = false;
    spin.until([&] { return looked = true, answer; });
    return looked;
  };
  for (const int away : {1, 3, 7}) {
    EXPECT_TRUE(looks(false));
    for (int i = 0; i < away; ++i) EXPECT_FALSE(looks(true)) << i << " of " << away;
  }
  EXPECT_TRUE(looks(true));
  EXPECT_TRUE(looks(true)) << "it pays again";
  EXPECT_TRUE(looks(false));
  EXPECT_FALSE(looks(true)) << "once, as in the beginning";
  EXPECT_TRUE(looks(true));
}

TEST(Spin, ALoopRunsUntilNothingIsLeftOrItIsStopped) {
  Loop loop{1};
  int handled = 0;
  boost::asio::post(loop, [&] {
    ++handled;
    boost::asio::post(loop, [&] { ++handled; });
  });
  run_spinning(loop);
  EXPECT_EQ(handled, 2);
  EXPECT_TRUE(loop.stopped());
  loop.restart();
  boost::asio::post(loop, [&] { loop.stop(); });
  boost::asio::post(loop, [&] { ++handled; });
  run_spinning(loop);
  EXPECT_EQ(handled, 2);
}

}  // namespace
}  // namespace coworker::async
