#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "program.h"

/// The command line of Disqontrol, as its users type it (docs/disqontrol.md).
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class Disqontrol : public testing::Test {
 protected:
  void SetUp() override { write("command: 'echo hi'"); }

  void write(const std::string& worker, const std::string& more = {}) const {
    sandbox_.write("disqontrol.yml",
                   "disqontrol:\n  log_dir: ./log/deep\n  disque: [ { host: 127.0.0.1, port: 1 } ]\n" + more +
                       "  queues:\n    a: { worker: { type: command, " + worker + " } }\n" +
                       "    b: { worker: { type: command, command: 'exit 3;' } }\n");
  }

  Sandbox sandbox_;
};

TEST_F(Disqontrol, ListQueuesPrintsNamesWithoutAServer) {
  EXPECT_EQ(sandbox_.run({"list-queues"}).out, "a\nb\n");
}

TEST_F(Disqontrol, OptionsOfAllCommandsStandBeforeOrBehind) {
  std::filesystem::rename(sandbox_.path("disqontrol.yml"), sandbox_.path("other.yml"));
  EXPECT_EQ(sandbox_.run({"--config=other.yml", "list-queues"}).out, "a\nb\n");
  EXPECT_EQ(sandbox_.run({"--config", "other.yml", "list-queues", "-vvv"}).out, "a\nb\n");
  EXPECT_EQ(sandbox_.run({"-n", "list-queues", "--ansi", "--config=other.yml"}).out, "a\nb\n");
  EXPECT_EQ(sandbox_.run({"list-queues", "--verbose=3", "--config", "other.yml"}).out, "a\nb\n");
  const Ran quiet = sandbox_.run({"list-queues", "-q", "--config=other.yml"});
  EXPECT_EQ(quiet.code, 0);
  EXPECT_THAT(quiet.out, IsEmpty());
  EXPECT_EQ(sandbox_.run({"list-queues", "--", "-n"}).code, 2) << "behind -- nothing is an option";
}

TEST_F(Disqontrol, ABootstrapFileThatIsMissingIsAnError) {
  for (const Sandbox::Words& words :
       {Sandbox::Words{"--bootstrap=/none.so", "list-queues"}, {"processjob", "a", "1", "--bootstrap", "/none.so"}}) {
    const Ran ran = sandbox_.run(words);
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr("/none.so"));
  }
  EXPECT_EQ(sandbox_.run({"list-queues", "--bootstrap"}).code, 2);
}

TEST_F(Disqontrol, HelpAndList) {
  EXPECT_THAT(sandbox_.run({"help"}).out, HasSubstr("SUBCOMMAND"));
  EXPECT_THAT(sandbox_.run({"list"}).out, HasSubstr("process"));
  const Ran help = sandbox_.run({"help", "addjob"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("--delay"));
}

TEST_F(Disqontrol, AnUnknownCommandIsNamedWithTheNearest) {
  const Ran ran = sandbox_.run({"proces", "a", "1"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("there is no command 'proces', did you mean 'process'"));
}

TEST_F(Disqontrol, AMissingFolderOfTheLogIsMade) {
  EXPECT_EQ(sandbox_.run({"processjob", "a", "1"}).code, 0);
  EXPECT_EQ(sandbox_.run({"processjob", "b", "1"}).code, 1);
  EXPECT_THAT(sandbox_.read("log/deep/disqontrol.log"), HasSubstr("error"));
  EXPECT_EQ(sandbox_.run({"processjob", "a", "1", "-c", sandbox_.path("disqontrol.yml")}, {}, {}, "/").code, 0)
      << "it is beside the file, wherever the program runs";
}

TEST_F(Disqontrol, ProcessJobRunsOneJobWithTheWorkersArguments) {
  EXPECT_EQ(sandbox_.run({"processjob", "a", R"({"x":{}})"}).out, "hi --queue=a --body={\"x\":{}} --metadata={}\n");
  EXPECT_EQ(sandbox_.run({"processjob", "a", "0"}).out, "hi --queue=a --body=0 --metadata={}\n");
  EXPECT_EQ(sandbox_.run({"processjob", "none", "1"}).code, 1);
  EXPECT_EQ(sandbox_.run({"processjob", "a", "1", "-d", "5"}).code, 2);
  write("address: 'echo hi'");
  EXPECT_THAT(sandbox_.run({"processjob", "a", "1"}).out, StartsWith("hi --queue=a"))
      << "address is as good as command";
}

TEST_F(Disqontrol, AddJobAndSchedulerTellWhatIsWrong) {
  EXPECT_EQ(sandbox_.run({"addjob", "a", "{bad"}).code, 1);
  EXPECT_EQ(sandbox_.run({"addjob", "a"}).code, 2);
  EXPECT_EQ(sandbox_.run({"addjob", "a", "1", "--delay", "soon"}).code, 2);
  EXPECT_EQ(sandbox_.run({"scheduler"}).code, 1);
  EXPECT_EQ(sandbox_.run({"scheduler", "-c", "none"}).code, 1);
}

TEST_F(Disqontrol, TheSupervisorRefusesWhatItCannotServe) {
  write("command: ls", "  consumers: [ { queues: [zz] } ]\n");
  const Ran unknown = sandbox_.run({"supervisor"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("zz"));
  write("command: ls", "  queue_defaults: { failure_strategy: retyr }\n");
  EXPECT_THAT(sandbox_.run({"supervisor"}).err, HasSubstr("did you mean 'retry'"));
  write("command: ls", "  queue_defaults: {}\n  consumer_defaults: {}\n");
  EXPECT_EQ(sandbox_.run({"config", "check"}).code, 0);
}

}  // namespace
