#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "program.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Runs our own program where the test asks for the stock one.
class OwnProgram {
 public:
  explicit OwnProgram(const Sandbox& sandbox) : before_{std::getenv("COWORKER_BIN")} {
    ::symlink(WORKER_APP, sandbox.path("coworker").c_str());
    ::setenv("COWORKER_BIN", sandbox.path("").c_str(), 1);
  }
  ~OwnProgram() { ::setenv("COWORKER_BIN", before_.c_str(), 1); }

 private:
  std::string before_;
};

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// ---- pipe ---------------------------------------------------------------------------------------

struct Example {
  const char* name;
  const char* command;
};

class ExampleWorkers : public testing::TestWithParam<Example> {};

TEST_P(ExampleWorkers, DoWhatTheManualSays) {
  const Sandbox sandbox;
  sandbox.write("coworker.yml", std::string{"queues: { q: { worker: { type: pipe, command: "} + GetParam().command +
                                    " }, max_retries: 0 } }");
  const Ran done = sandbox.run({"process", "q", R"("hallo")"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "5 letters\n");
  EXPECT_THAT(done.err, AllOf(HasSubstr("50 %: counting"), HasSubstr("job 1 of this process")));
  const Ran failed = sandbox.run({"process", "q", "[1]"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("the body is no text"));

  Background program{sandbox, {"run"}};
  ASSERT_EQ(sandbox.run({"add", "q", "--stdin"}, "\"a\"\n\"b\"\n7\n").code, 0);
  EXPECT_TRUE(eventually([&] {
    return sandbox.run({"jobs", "--dead"}).out.find("the body is no text") != std::string::npos &&
           sandbox.run({"queues", "--json"}).out.find(R"("leased":1)") == std::string::npos;
  })) << program.log();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

INSTANTIATE_TEST_SUITE_P(Languages, ExampleWorkers,
                         testing::Values(Example{"Shell", "[sh, " EXAMPLES "/worker.sh]"},
                                         Example{"Python", "[python3, " EXAMPLES "/worker.py]"},
                                         Example{"Php", "[php, " EXAMPLES "/worker.php]"},
                                         Example{"Node", "[node, " EXAMPLES "/worker.js]"}),
                         [](const auto& row) { return row.param.name; });

TEST(PipeWorkers, HugeAndEmptyAndUnicode) {
  const Sandbox sandbox;
  sandbox.write("coworker.yml",
                "queues: { q: { worker: { type: pipe, command: [python3, " EXAMPLES "/worker.py] } } }");
  EXPECT_EQ(sandbox.run({"process", "q", "\"Zoë \xf0\x9f\x8e\x89\""}).out, "5 letters\n");
  EXPECT_EQ(sandbox.run({"process", "q", "\"\""}).out, "0 letters\n");
  EXPECT_EQ(sandbox.run({"process", "q", "\n\"a\"\n"}).out, "1 letters\n") << "a line break beside the value";

  sandbox.write("large.yml",
                "queues: { q: { worker: { type: pipe, command: [python3, large.py] }, max_retries: 0 } }\n");
  sandbox.write("large.py",
                "import json, os\njobs, answers = os.fdopen(3), os.fdopen(4, 'w', buffering=1)\nfor line in jobs:\n"
                "  job = json.loads(line)\n  open('got', 'w').write(str(len(job['body'])))\n"
                "  answers.write(json.dumps({'id': job['id'], 'ok': True, 'result': job['body']}) + '\\n')\n");
  Background program{sandbox, {"run", "-c", "large.yml"}};
  ASSERT_EQ(sandbox.run({"add", "q", "--stdin", "-c", "large.yml"}, '"' + std::string(8 << 20, 'x') + "\"\n").code, 0);
  EXPECT_TRUE(eventually([&] { return sandbox.read("got") == std::to_string(8 << 20); })) << program.log();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

// ---- inline and isolated ------------------------------------------------------------------------

class OwnWorkers : public testing::TestWithParam<const char*> {
 protected:
  OwnWorkers() : own_{sandbox_} {
    const std::string type = GetParam();
    std::string text = "kill_grace: 200ms\nqueues:\n";
    for (const char* name : {"behave", "nothing", "no", "made", "mistaken"}) {
      text += std::string{"  "} + name + ": { worker: { type: " + type + " }, job_process_timeout: 1s }\n";
    }
    sandbox_.write("coworker.yml", text);
  }

  Ran process(const std::string& queue, const std::string& body) const {
    return sandbox_.run({"process", queue, body});
  }

  Sandbox sandbox_;
  OwnProgram own_;
};

TEST_P(OwnWorkers, MeanTheSameInlineAndIsolated) {
  EXPECT_THAT(process("behave", "\"Zoë\"").out, HasSubstr("\"Zoë\""));
  EXPECT_THAT(process("behave", "{\"a\" :\n1}").out, HasSubstr("{\"a\" :\n1}")) << "to the byte";
  EXPECT_THAT(process("behave", "1").err, AllOf(HasSubstr("50 %: half"), HasSubstr("a line")));
  EXPECT_THAT(process("behave", R"("throw")").err, HasSubstr("the job failed: thrown"));
  EXPECT_THAT(process("behave", R"("fail")").err, HasSubstr("the job failed: no way"));
  const Ran nothing = process("nothing", "1");
  EXPECT_EQ(nothing.code, 0) << nothing.err;
  EXPECT_EQ(nothing.out, "");
  EXPECT_THAT(process("no", "1").err, HasSubstr("the worker returned false"));
  EXPECT_EQ(process("no", "1").code, 1);
  const Ran waited = process("behave", R"("wait")");
  EXPECT_EQ(waited.code, 0) << "a result that comes late is a result: " << waited.err;
}

TEST_P(OwnWorkers, FactoriesGetTheEnvironmentWhichIsMadeOnlyWhereItIsNeeded) {
  EXPECT_EQ(process("nothing", "1").code, 0);
  EXPECT_EQ(sandbox_.run({"add", "made", "1"}).code, 0);
  EXPECT_EQ(sandbox_.read("set-ups"), "");
  const Ran made = process("made", "1");
  EXPECT_THAT(made.out, HasSubstr("made 1"));
  EXPECT_EQ(lines_of(sandbox_.read("set-ups")), 1u);
  EXPECT_THAT(process("mistaken", "1").err, HasSubstr("the environment is of another type than 'mistaken' wants"));

  sandbox_.write("set-ups", "");
  Background program{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "made", "--stdin"}, "1\n2\n3\n").code, 0);
  const std::size_t want = GetParam() == std::string{"inline"} ? 1 : 4;
  EXPECT_TRUE(eventually([&] {
    return lines_of(sandbox_.read("set-ups")) == want && sandbox_.run({"jobs"}).out.find("D-") == std::string::npos;
  })) << sandbox_.read("set-ups")
      << program.log();
  EXPECT_EQ(sandbox_.read("set-ups").find(std::to_string(program.pid())), std::string::npos) << "not in the supervisor";
  EXPECT_EQ(program.stop(), 0) << program.log();
}

INSTANTIATE_TEST_SUITE_P(Types, OwnWorkers, testing::Values("inline", "isolated"),
                         [](const auto& row) { return std::string{row.param}; });

TEST(IsolatedWorkers, ACrashIsNobodyElsesAndWhatHangsIsKilled) {
  const Sandbox sandbox;
  const OwnProgram own{sandbox};
  sandbox.write("coworker.yml",
                "kill_grace: 100ms\ndefaults: { max_retries: 0 }\nqueues:\n"
                "  behave: { worker: { type: isolated }, job_process_timeout: 1s }\n");
  EXPECT_THAT(sandbox.run({"process", "behave", R"("exit")"}).err, HasSubstr("ended without an answer: exit code 3"));
  EXPECT_THAT(sandbox.run({"process", "behave", R"("crash")"}).err, HasSubstr("SIGABRT not sent by us"));
  EXPECT_THAT(sandbox.run({"process", "behave", "1"}).err, HasSubstr("a stray print"));
  Background program{sandbox, {"run"}};
  ASSERT_EQ(sandbox.run({"add", "behave", "--stdin"}, "\"hang\"\n\"crash\"\n1\n").code, 0);
  const auto dead = [&] { return sandbox.run({"jobs", "--dead"}).out; };
  EXPECT_TRUE(eventually([&] { return lines_of(dead()) >= 3; })) << program.log();
  EXPECT_THAT(dead(), AllOf(HasSubstr("SIGABRT"), HasSubstr("process timeout of 1000 ms exceeded")));
  EXPECT_THAT(program.log(), Not(HasSubstr("consumer ends")));
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST(SharedLibraries, OfTheFirstHeaderAreStillLoaded) {
  const Sandbox sandbox;
  for (const char* type : {"inline", "isolated"}) {
    sandbox.write("coworker.yml", std::string{"bootstrap: " OLD_WORKERS "\nqueues: { old: { worker: { type: "} + type +
                                      ", directory: /tmp } } }");
    if (type == std::string{"inline"}) {
      sandbox.write("coworker.yml", "bootstrap: " OLD_WORKERS "\nqueues: { old: { worker: { type: inline } } }");
    }
    EXPECT_EQ(sandbox.run({"process", "old", "[7]"}).out, "[7]\n") << type;
  }
}

// ---- command ------------------------------------------------------------------------------------

TEST(CommandWorkers, ReportOnTheirDescriptor) {
  const Sandbox sandbox;
  sandbox.write("coworker.yml",
                "queues:\n  q: { worker: { type: command, command: [sh, work.sh] } }\n"
                "  none: { worker: { type: command, command: 'true' } }\n");
  sandbox.write("work.sh",
                "echo '{\"progress\":0.25,\"text\":\"début\"}' >$COWORKER_REPORT\necho plain >&3\necho done\n");
  const Ran ran = sandbox.run({"process", "q", "1"});
  EXPECT_EQ(ran.out, "done\n");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("25 %: début"), HasSubstr("plain")));
  const Ran none = sandbox.run({"process", "none", "1"});
  EXPECT_EQ(none.code, 0);
  EXPECT_EQ(none.out, "");
}

TEST(Disqontrol, ItsPhpWorkersThatNobodyRegisteredAreExplained) {
  const Sandbox sandbox;
  sandbox.write("disqontrol.yml",
                "disqontrol:\n  disque: [ { host: 127.0.0.1 } ]\n  queues:\n"
                "    q: { worker: { type: inline_php_worker, name: PicResizer } }\n");
  for (const Sandbox::Words& words : {Sandbox::Words{"config", "check"}, {"process", "q", "1"}, {"run"}}) {
    const Ran ran = sandbox.run(words);
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, AllOf(HasSubstr("no worker 'PicResizer'"), HasSubstr("type command"), HasSubstr("pipe")));
  }
}

}  // namespace
