#include "app/loop_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config_file.h"
#include "coworker/app.h"

namespace coworker::app {
namespace {

using service::LoopConfig;
using service::LoopKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class Nothing : public LoopWorker {
  void loop() override {}
};

Result<std::vector<LoopConfig>> loops_of(const std::string& text, const worker::Registry& registry = {}) {
  Settings settings;
  const Result<> outcome = read_config("loops:\n" + text, "coworker.yml", settings);
  if (!outcome) return tl::unexpected{outcome.error()};
  return loop_configs(settings, registry);
}

TEST(LoopSettings, AllKeysOfACommand) {
  const auto loops = loops_of(
      "  a: { command: x }\n"
      "  b: { command: [x, y z], id: i, logger: l, looptime: 250ms, jitter: 1s, forever: false, hang: 5m, restarts: "
      "3,\n"
      "       user: '0', niceness: 5, directory: /d, environment: { A: b }, memory: 1M, cpu: 1500ms, open_files: 9,\n"
      "       after: [a] }\n");
  ASSERT_TRUE(loops) << loops.error().message();
  const LoopConfig& a = loops->at(0);
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.id, "a");
  EXPECT_EQ(a.logger, "a");
  EXPECT_EQ(a.looptime, Millis{1'000});
  EXPECT_TRUE(a.forever);
  const LoopConfig& b = loops->at(1);
  EXPECT_EQ(b.kind, LoopKind::command);
  EXPECT_THAT(b.command, ElementsAre("x", "y z"));
  EXPECT_EQ(b.id, "i");
  EXPECT_EQ(b.logger, "l");
  EXPECT_EQ(b.looptime, Millis{250});
  EXPECT_EQ(b.jitter, Millis{1'000});
  EXPECT_FALSE(b.forever);
  EXPECT_EQ(b.hang, Millis{300'000});
  EXPECT_EQ(b.restarts, 3u);
  EXPECT_EQ(b.user, "0");
  EXPECT_EQ(b.niceness, 5);
  EXPECT_EQ(b.directory, "/d");
  EXPECT_THAT(b.environment, ElementsAre(Pair("A", "b")));
  EXPECT_EQ(b.memory, 1u << 20);
  EXPECT_EQ(b.cpu, Seconds{2});
  EXPECT_EQ(b.open_files, 9u);
  EXPECT_THAT(b.after, ElementsAre("a"));
}

TEST(LoopSettings, TheConfigurationWinsOverTheCodeKeyByKey) {
  worker::Registry registry;
  LoopOptions options;
  options.looptime = Millis{7'000};
  options.hang = Millis{9'000};
  registry.add_loop("w", {[] { return std::make_unique<Nothing>(); }, options});
  const auto loops = loops_of("  w: { hang: 1s }\n  other: { worker: w }\n", registry);
  ASSERT_TRUE(loops) << loops.error().message();
  ASSERT_EQ(loops->size(), 2u);
  EXPECT_EQ(loops->at(0).kind, LoopKind::inline_worker);
  EXPECT_EQ(loops->at(0).looptime, Millis{7'000});
  EXPECT_EQ(loops->at(0).hang, Millis{1'000});
  EXPECT_FALSE(loops->at(0).forever) << "what the code does not say is as in the original";
  EXPECT_EQ(loops->at(1).worker, "w");
  EXPECT_TRUE(loops->at(1).forever);
}

TEST(LoopSettings, Case06_TheSameNameTwiceIsAnErrorBeforeTheStart) {
  App app;
  app.loop_worker<Nothing>("w", {});
  EXPECT_THROW(app.loop_worker<Nothing>("w", {}), std::invalid_argument);
}

struct Refused {
  const char* name;
  const char* text;
  const char* message;
};

class LoopMistakes : public testing::TestWithParam<Refused> {};

TEST_P(LoopMistakes, AreToldWithTheirPlace) {
  const auto loops = loops_of(GetParam().text);
  ASSERT_FALSE(loops);
  EXPECT_THAT(loops.error().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, LoopMistakes,
    testing::Values(
        Refused{"NoCommand", "  a: { type: pipe }", "coworker.yml:2: loops.a.command is missing: type pipe"},
        Refused{"NothingAtAll", "  a: { looptime: 1 }", "coworker.yml:2: loops.a.command is missing: this program"},
        Refused{"UnknownClass", "  a: { worker: b }", "coworker.yml:2: loops.a.worker: this program registers no"},
        Refused{"CommandOfAClass", "  a: { type: inline, command: x }", "type inline has no such key"},
        Refused{"ClassOfACommand", "  a: { command: x, worker: b }", "only type inline has such a key"},
        Refused{"NoPair", "  a: { command: x, environment: [B] }", "'B' is not NAME=TEXT"},
        Refused{"Itself", "  a: { command: x, after: [a] }", "coworker.yml:2: loops.a.after: it would have to wait"},
        Refused{"Circle", "  a: { command: x, after: [b] }\n  b: { command: x, after: [a] }", "wait for itself"},
        Refused{"Unknown", "  copier: { command: x, after: [copyer] }", "did you mean 'copier'?"},
        Refused{"NoTime", "  a: { command: x, looptime: 0 }", "looptime"},
        Refused{"NoUser", "  a: { command: x, user: no-such-user }", "there is no user 'no-such-user'"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace coworker::app
