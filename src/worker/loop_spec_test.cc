#include "worker/loop_spec.h"

#include <gtest/gtest.h>

namespace coworker::worker {
namespace {

TEST(LoopSpecs, TravelAsText) {
  LoopSpec spec;
  spec.build = "b";
  spec.log = {log::Level::warning, log::Format::json, "/log \"file\""};
  spec.name = "näme\n";
  spec.id = "i";
  spec.logger = "l";
  spec.kind = LoopKind::pipe;
  spec.worker = "w";
  spec.command = {"a", "", "b c"};
  spec.looptime = Millis{1};
  spec.jitter = Millis{2};
  spec.paused = true;
  spec.stop_grace = Millis{3};
  spec.kill_grace = Millis{4};
  const Result<LoopSpec> read = parse_loop_spec(to_text(spec));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_text(*read), to_text(spec));
  EXPECT_EQ(read->name, spec.name);
  EXPECT_EQ(read->command, spec.command);
  EXPECT_EQ(read->kind, LoopKind::pipe);
  EXPECT_TRUE(read->paused);
  EXPECT_EQ(read->kill_grace, Millis{4});
}

TEST(LoopSpecs, WhatIsNoneIsRefused) {
  for (const char* text : {"", "5", "{}", "[", R"({"build":5})"}) EXPECT_FALSE(parse_loop_spec(text)) << text;
}

}  // namespace
}  // namespace coworker::worker
