#include "worker/command_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "proc/launch.h"

namespace coworker::worker {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

CommandWorker::Options shell(const std::string& text) {
  CommandWorker::Options options;
  options.command = {"/bin/sh", "-c", text, "sh"};
  options.environment = proc::own_environment();
  options.grace = 100ms;
  return options;
}

Job job(std::string body = "null") {
  Job made;
  made.id = "D-1";
  made.queue = "q";
  made.body = std::move(body);
  return made;
}

Outcome run(CommandWorker::Options options, Job given, std::function<void(Execution&)> act = {}) {
  async::Loop loop;
  CommandWorker worker{loop, std::move(options)};
  std::optional<Outcome> outcome;
  std::shared_ptr<Execution> execution;
  Watcher watcher;
  watcher.on_start = [&](pid_t group) {
    if (group > 0 && act) act(*execution);
  };
  watcher.on_end = [&](Outcome end) { outcome = std::move(end); };
  execution = worker.start(std::move(given), std::move(watcher));
  loop.run();
  EXPECT_TRUE(outcome);
  return outcome.value_or(Outcome{});
}

TEST(CommandWorker, GivesExactWordsAndEnvironment) {
  Job given = job(R"({"a": "it's \"q\" $HOME `x` é", "n": 1.50})");
  given.queue = "a b;c";
  given.metadata = R"({"k":[]})";
  given.attempt = 3;
  const Outcome outcome =
      run(shell(R"(printf '%s|' "$@" "$COWORKER_JOB_ID" "$COWORKER_ATTEMPT" "$COWORKER_QUEUE"; cat)"), given);
  EXPECT_EQ(outcome.kind, Outcome::Kind::ok);
  EXPECT_EQ(outcome.result, "--queue=a b;c|--body=" + given.body + R"(|--metadata={"k":[]}|D-1|3|a b;c|)");
}

struct SizeCase {
  const char* name;
  std::size_t body;
  std::size_t metadata;
  std::string want;
};

class CommandWorkerSizes : public ::testing::TestWithParam<SizeCase> {};

TEST_P(CommandWorkerSizes, WhatNoArgumentHoldsGoesThroughStandardInput) {
  Job given = job('"' + std::string(GetParam().body - 2, 'x') + '"');
  given.metadata = R"({"m":")" + std::string(GetParam().metadata, 'y') + R"("})";
  const Outcome outcome = run(shell(R"(printf '%.9s %.13s ' "$2" "$3"; wc -c)"), given);
  ASSERT_EQ(outcome.kind, Outcome::Kind::ok) << outcome.reason;
  EXPECT_EQ(outcome.result, GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Table, CommandWorkerSizes,
                         ::testing::Values(SizeCase{"Small", 10, 0, "--body=\"x --metadata={\" 0\n"},
                                           SizeCase{"LargestArgument", 131'072 - 8, 0, "--body=\"x --metadata={\" 0\n"},
                                           SizeCase{"OneMore", 131'072 - 7, 0, "--body=- --metadata={\" 131065\n"},
                                           SizeCase{"Large", 4'000'000, 0, "--body=- --metadata={\" 4000000\n"},
                                           SizeCase{"BothLarge", 200'000, 200'000, "--body=- --metadata=- 400029\n"},
                                           SizeCase{"LargeMetadata", 10, 200'000, "--body=- --metadata=- 200039\n"}),
                         [](const auto& row) { return row.param.name; });

TEST(CommandWorker, AnotherExitCodeIsAFailureWithTheLastWords) {
  const Outcome outcome = run(shell("echo first >&2; echo 'no such picture' >&2; exit 4"), job());
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_THAT(outcome.reason, StartsWith("exit code 4 after "));
  EXPECT_THAT(outcome.reason, EndsWith(": no such picture"));
  ASSERT_TRUE(outcome.certificate);
  EXPECT_EQ(outcome.certificate->error_output, "first\nno such picture\n");
}

TEST(CommandWorker, ASignalIsACrash) {
  const Outcome outcome = run(shell("kill -ABRT $$"), job());
  EXPECT_EQ(outcome.kind, Outcome::Kind::crashed);
  EXPECT_THAT(outcome.reason, StartsWith("SIGABRT not sent by us"));
}

TEST(CommandWorker, TheProcessTimeoutIsAFailureNotACrash) {
  Job given = job();
  given.process_timeout = 100ms;
  const Outcome outcome = run(shell("trap '' TERM; sleep 1000 & while :; do wait; done"), given);
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_THAT(outcome.reason, HasSubstr("process timeout of 100 ms exceeded"));
}

TEST(CommandWorker, WhatWeStopIsNotTheJobsFault) {
  const Outcome outcome =
      run(shell("sleep 1000 & wait"), job(), [](Execution& execution) { execution.stop(proc::Killed::stopped, 0ms); });
  EXPECT_EQ(outcome.kind, Outcome::Kind::stopped);
}

TEST(CommandWorker, AProgramThatIsNotThereIsAFailure) {
  CommandWorker::Options options = shell("");
  options.command = {"no-such-program"};
  const Outcome outcome = run(std::move(options), job());
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.reason, "exec 'no-such-program': No such file or directory");
}

TEST(CommandWorker, ANulByteInTheQueueNameIsAFailure) {
  Job given = job();
  given.queue = std::string("a\0b", 3);
  EXPECT_EQ(run(shell("exit 0"), given).kind, Outcome::Kind::failed);
}

TEST(CommandWorker, ALargeBodyThatIsNotReadIsNoProblem) {
  EXPECT_EQ(run(shell("exit 0"), job('"' + std::string(4'000'000, 'x') + '"')).kind, Outcome::Kind::ok);
}

}  // namespace
}  // namespace coworker::worker
