#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

#include "program.h"

namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

class Cli : public testing::Test {
 protected:
  Sandbox sandbox_;
};

TEST_F(Cli, HelpAndVersionAreAnsweredAndWrongUsageIsTwo) {
  EXPECT_THAT(sandbox_.run({"--version"}).out, MatchesRegex("coworker [0-9.]+\n"));
  const Ran help = sandbox_.run({"add", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("Example:"));
  EXPECT_EQ(sandbox_.run({}).code, 2);
  EXPECT_EQ(sandbox_.run({"bogus"}).code, 2);
  EXPECT_EQ(sandbox_.run({"add"}).code, 2);
  EXPECT_EQ(sandbox_.run({"add", "q"}).code, 2);
  EXPECT_EQ(sandbox_.run({"add", "q", "1", "--bogus"}).code, 2);
  EXPECT_EQ(sandbox_.run({"jobs", "--state", "asleep"}).code, 2);
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data"))) << "wrong usage touches nothing";
}

TEST_F(Cli, EveryCommandHasHelpWithAnExample) {
  for (const char* command : {"add",
                              "process",
                              "run",
                              "queues",
                              "list-queues",
                              "jobs",
                              "job",
                              "job cancel",
                              "queue pause",
                              "queue resume",
                              "queue purge",
                              "shared switch",
                              "shared disable",
                              "shared enable",
                              "broker",
                              "schedule",
                              "schedule next",
                              "dead list",
                              "dead show",
                              "dead retry",
                              "dead move",
                              "dead purge",
                              "scheduler",
                              "store stat",
                              "store verify",
                              "store backup",
                              "config check",
                              "config show"}) {
    Sandbox::Words words;
    for (std::string rest = command; !rest.empty();) {
      const std::size_t blank = std::min(rest.find(' '), rest.size());
      words.push_back(rest.substr(0, blank));
      rest.erase(0, blank + 1);
    }
    words.emplace_back("--help");
    const Ran help = sandbox_.run(words);
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Example:")) << command;
    EXPECT_THAT(help.out, HasSubstr("--json")) << command;
  }
}

TEST_F(Cli, AWordThatIsNoCommandIsNamedBelowAGroupToo) {
  EXPECT_THAT(sandbox_.run({"--help"}).out, HasSubstr("Commands: stat, verify, backup"));
  const Ran ran = sandbox_.run({"store", "stats"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("there is no command 'stats', did you mean 'stat'; see coworker store --help"));
}

TEST_F(Cli, InAFolderThatIsGoneItEndsWithAnError) {
  const std::string line =
      "mkdir gone; cd gone; rmdir ../gone; exec \"$COWORKER_BIN/coworker\" shared query unix:socket";
  const Ran ran = sandbox_.run({"/bin/sh", "-c", line});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("No such file or directory"));
}

TEST_F(Cli, AnAddedJobIsThereWithAllThatWasSaid) {
  const Ran added =
      sandbox_.run({"add", "mail", R"({"to": "a", "n": 1.50})", "--delay", "1h", "--priority", "-3", "--group", "g",
                    "--ttl", "2d", "--process-timeout", "30", "--metadata", R"({"mine":1})"});
  ASSERT_EQ(added.code, 0) << added.err;
  ASSERT_THAT(added.out, MatchesRegex("D-[0-9a-f]{8}-.{24}-[0-9a-f]{4}\n"));
  const std::string id = added.out.substr(0, 40);
  const Ran shown = sandbox_.run({"job", id, "--json"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  for (const char* part : {R"("queue":"mail")", R"("state":"scheduled")", R"("priority":-3)", R"("group":"g")",
                           R"("to":"a")", R"("mine":1)", R"("job-lifetime":172800)", R"("process-timeout":30)"}) {
    EXPECT_THAT(shown.out, HasSubstr(part));
  }
  EXPECT_THAT(sandbox_.run({"job", id}).out, HasSubstr(R"({"to": "a", "n": 1.50})")) << "kept to the byte";
  const Ran gone = sandbox_.run({"job", "D-00000000-AAAAAAAAAAAAAAAAAAAAAAAA-05a1"});
  EXPECT_EQ(gone.code, 1);
  EXPECT_EQ(sandbox_.run({"job", "nonsense"}).code, 2);
}

TEST_F(Cli, ACancelledJobIsGoneAndItsHistoryStays) {
  const std::string id = sandbox_.run({"add", "mail", "1"}).out.substr(0, 40);
  const Ran cancelled = sandbox_.run({"job", "cancel", id});
  EXPECT_EQ(cancelled.code, 0) << cancelled.err;
  EXPECT_THAT(cancelled.out, HasSubstr(id + " cancelled"));
  const Ran shown = sandbox_.run({"job", id});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("It is gone"));
  EXPECT_THAT(shown.out, HasSubstr("cancelled"));
  EXPECT_THAT(sandbox_.run({"job", id, "--json"}).out, HasSubstr(R"("event":"cancelled")"));
  EXPECT_THAT(sandbox_.run({"jobs"}).out, Not(HasSubstr("D-")));
  EXPECT_EQ(sandbox_.run({"job", "cancel", id}).code, 1) << "there is none any more";
  EXPECT_EQ(sandbox_.run({"job", "cancel", "nonsense"}).code, 2);
  EXPECT_EQ(sandbox_.run({"job", "cancel"}).code, 2);
  EXPECT_EQ(sandbox_.run({"job"}).code, 2);
}

TEST_F(Cli, FollowingAJobEndsWithIt) {
  Background broker{sandbox_, {"broker", "--data", "coworker-data", "--listen", "unix:coworker-data/broker.sock"}};
  ASSERT_TRUE(eventually([&] { return ::access(sandbox_.path("coworker-data/broker.sock").c_str(), F_OK) == 0; }));
  const std::string id = sandbox_.run({"add", "mail", "1"}).out.substr(0, 40);
  Background follower{sandbox_, {"job", id, "--follow", "--json"}};
  ASSERT_TRUE(eventually([&] { return follower.log().find(id) != std::string::npos; })) << "it shows the job first";
  EXPECT_EQ(sandbox_.run({"job", "cancel", id}).code, 0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(follower.pid()), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(follower.stop(), 0) << "the code it had ended with";
  EXPECT_THAT(follower.log(), HasSubstr(R"("event":"cancelled")"));
}

TEST_F(Cli, TheKillSwitchIsEditedAndShown) {
  EXPECT_EQ(sandbox_.run({"shared", "switch"}).code, 1) << "which file?";
  sandbox_.write("coworker.yml", "kill_switch: state/switch.json\n");
  EXPECT_THAT(sandbox_.run({"shared", "switch", "--json"}).out,
              HasSubstr(R"("global":false,"work":false,"addresses":[])"));
  EXPECT_EQ(sandbox_.run({"shared", "disable"}).code, 2) << "what?";
  EXPECT_EQ(sandbox_.run({"shared", "disable", "bogus:x"}).code, 2);
  const Ran disabled = sandbox_.run({"shared", "disable", "unix:/a", "unix:/b", "--json"});
  EXPECT_THAT(disabled.out, HasSubstr(R"("addresses":["unix:/a","unix:/b"])"));
  EXPECT_THAT(sandbox_.run({"shared", "disable", "--all"}).out, HasSubstr("nothing new begins"));
  EXPECT_THAT(sandbox_.run({"shared", "enable", "unix:/a", "--work"}).out, HasSubstr("but not unix:/b"));
  EXPECT_THAT(sandbox_.read("state/switch.json"), HasSubstr("\"global\": true"));
  EXPECT_THAT(sandbox_.run({"shared", "enable", "--all", "--json"}).out,
              HasSubstr(R"("global":false,"work":false,"addresses":[])"));
  sandbox_.write("state/switch.json", "{\"global\": tr");
  const Ran damaged = sandbox_.run({"shared", "switch"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_THAT(damaged.err, HasSubstr("is damaged"));
}

TEST_F(Cli, BadJsonIsRefusedWithItsPosition) {
  const Ran bad = sandbox_.run({"addjob", "q", R"({"a":1,})"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, HasSubstr("byte 7"));
  EXPECT_THAT(bad.out, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data")));
}

TEST_F(Cli, LinesAreAddedUntilOneIsBadAndItSaysHowMany) {
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += "{\"i\":" + std::to_string(i) + "}\n";
  const Ran all = sandbox_.run({"add", "q", "--stdin"}, lines + "\n  \n7");
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_THAT(all.err, HasSubstr("5001 jobs were added"));
  EXPECT_THAT(sandbox_.run({"queues", "--json"}).out, HasSubstr(R"("ready":5001)"));

  const Ran some = sandbox_.run({"add", "p", "--stdin", "--ids"}, "1\n2\n{bad\n3\n");
  EXPECT_EQ(some.code, 1);
  EXPECT_THAT(some.err, HasSubstr("line 3: "));
  EXPECT_THAT(some.err, HasSubstr("2 jobs were added"));
  EXPECT_EQ(std::count(some.out.begin(), some.out.end(), '\n'), 2);

  const Ran same = sandbox_.run({"add", "u", "--stdin", "--unique", "k", "--json"}, "1\n2\n3\n");
  EXPECT_THAT(same.out, HasSubstr(R"("added":1,"duplicates":2)"));
}

TEST_F(Cli, QueuesCanBePausedResumedAndPurged) {
  ASSERT_EQ(sandbox_.run({"add", "q", "--stdin"}, "1\n2\n3\n").code, 0);
  EXPECT_THAT(sandbox_.run({"queue", "pause", "q", "--in"}).out, HasSubstr("paused: in"));
  const Ran refused = sandbox_.run({"add", "q", "--stdin"}, "4\n");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("queue 'q' is paused"));
  EXPECT_THAT(sandbox_.run({"queue", "pause", "q"}).out, HasSubstr("paused: in and out"));
  EXPECT_THAT(sandbox_.run({"queue", "resume", "q"}).out, HasSubstr("paused: -"));
  EXPECT_THAT(sandbox_.run({"queue", "purge", "q", "--json"}).out, HasSubstr(R"({"purged":3})"));
  EXPECT_THAT(sandbox_.run({"jobs"}).out, Not(HasSubstr("D-")));
}

TEST_F(Cli, ABackupIsAStoreAndDamageIsFound) {
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += std::to_string(i) + "\n";
  ASSERT_EQ(sandbox_.run({"add", "q", "--stdin"}, lines).code, 0);
  Background broker{sandbox_, {"broker", "--data", "coworker-data", "--listen", "unix:b.sock"}};
  ASSERT_TRUE(eventually([&] { return ::access(sandbox_.path("b.sock").c_str(), F_OK) == 0; })) << broker.log();
  ASSERT_EQ(sandbox_.run({"add", "q", "4", "--store", "unix:b.sock"}).code, 0);
  const Ran copied = sandbox_.run({"store", "backup", "copy"});
  ASSERT_EQ(copied.code, 0) << copied.err;
  EXPECT_THAT(sandbox_.run({"queues", "--json", "--store", "file:copy"}).out, HasSubstr(R"("ready":1001)"));
  const Ran again = sandbox_.run({"store", "backup", "copy"});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("not an empty directory"));
  EXPECT_EQ(broker.stop(), 0);

  EXPECT_EQ(sandbox_.run({"store", "verify", "--store", "file:copy"}).code, 0);
  for (const auto& entry : std::filesystem::directory_iterator{sandbox_.path("copy")}) {
    if (entry.path().extension() != ".seg") continue;
    const std::string name = "copy/" + entry.path().filename().string();
    std::string bytes = sandbox_.read(name);
    const std::size_t at = bytes.find("job-lifetime");  // within the first job's body
    if (at == std::string::npos) continue;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    sandbox_.write(name, bytes);
    break;
  }
  const Ran damaged = sandbox_.run({"store", "verify", "--store", "file:copy"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_THAT(damaged.err, HasSubstr(".seg"));
  EXPECT_EQ(sandbox_.run({"store", "verify", "--store", "file:none"}).code, 1);
}

TEST_F(Cli, APasswordComesFromAFileOrTheEnvironmentAndIsHiddenOnTheCommandLine) {
  sandbox_.write("secret", "open sesame\n");
  Background broker{sandbox_,
                    {"broker", "--data", "d", "--listen", "unix:b.sock", "--require-password-file", "secret",
                     "--password", "hunter2"}};
  ASSERT_TRUE(eventually([&] { return ::access(sandbox_.path("b.sock").c_str(), F_OK) == 0; })) << broker.log();
  const std::string title = [&] {
    Sandbox::Words none;
    return sandbox_.run({"--version"}).code == 0 ? "/proc/" + std::to_string(broker.pid()) + "/cmdline" : "";
  }();
  std::string words;
  if (std::FILE* file = std::fopen(title.c_str(), "rb")) {
    char buffer[4096];
    words.assign(buffer, std::fread(buffer, 1, sizeof buffer, file));
    std::fclose(file);
  }
  EXPECT_THAT(words, HasSubstr("--password"));
  EXPECT_THAT(words, Not(HasSubstr("hunter2")));
  EXPECT_THAT(broker.log(), HasSubstr("a password on the command line can be seen by others"));

  const Sandbox::Words add{"add", "q", "1", "--store", "unix:b.sock"};
  const auto with = [&](Sandbox::Words more) {
    more.insert(more.begin(), add.begin(), add.end());
    return more;
  };
  const Ran without = sandbox_.run(add);
  EXPECT_EQ(without.code, 1);
  EXPECT_THAT(without.err, HasSubstr("COWORKER_PASSWORD"));
  EXPECT_EQ(sandbox_.run(add, {}, {"COWORKER_PASSWORD=wrong"}).code, 1);
  EXPECT_EQ(sandbox_.run(add, {}, {"COWORKER_PASSWORD=open sesame"}).code, 0);
  EXPECT_EQ(sandbox_.run(with({"--password-file", "secret"})).code, 0);
  EXPECT_EQ(sandbox_.run(with({"--password-file", "secret"}), {}, {"COWORKER_PASSWORD=wrong"}).code, 0)
      << "a flag wins";
}

TEST_F(Cli, MistakesInTheConfigurationAreNamedByEveryCommand) {
  sandbox_.write("coworker.yml", "queues:\n  mail:\n    max_retires: 5\n");
  for (const Sandbox::Words& words : {Sandbox::Words{"add", "q", "1"}, {"queues"}, {"run"}, {"config", "check"}}) {
    const Ran ran = sandbox_.run(words);
    EXPECT_EQ(ran.code, 1) << words.front();
    EXPECT_THAT(ran.err,
                HasSubstr("coworker.yml:3: queues.mail.max_retires: unknown key; did you mean 'max_retries'?"));
  }
  sandbox_.write(
      "good.yml",
      "queues: { a: { worker: { type: command, command: x } }, b: { worker: { type: command, command: y } } }");
  EXPECT_EQ(sandbox_.run({"list-queues", "-c", "good.yml"}).out, "a\nb\n");
  EXPECT_EQ(sandbox_.run({"config", "check", "-c", "good.yml"}).code, 0);
  EXPECT_THAT(sandbox_.run({"config", "show", "-c", "good.yml"}, {}, {"COWORKER_STORE=unix:/x"}).out,
              HasSubstr(R"(store: "unix:/x"  (COWORKER_STORE))"));
}

TEST_F(Cli, StoresThatCannotBeReachedAreNamed) {
  for (const char* url : {"unix:none.sock", "redis://localhost", "nonsense", "tcp:127.0.0.1:1"}) {
    const Ran ran = sandbox_.run({"queues", "--store", url});
    EXPECT_EQ(ran.code, 1) << url;
    EXPECT_THAT(ran.err, HasSubstr("coworker: ")) << url;
  }
}

}  // namespace
