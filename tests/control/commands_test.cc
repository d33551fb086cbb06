#include <filesystem>

#include "running.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

class Commands : public Controlled {
 protected:
  Ran worker(const std::string& deed, const Sandbox::Words& more = {}) {
    Sandbox::Words words{"worker", deed};
    words.insert(words.end(), more.begin(), more.end());
    return sandbox_.run(words);
  }
  bool is(const std::string& state) {
    return worker("status", {"--json"}).out == "{\"consumers:mail\":" + state + "}\n";
  }
};

TEST_F(Commands, WorkersAreListedPausedStoppedScaledAndRestarted) {
  start_ready("");
  EXPECT_THAT(worker("list").out, AllOf(HasSubstr("consumers:mail"), HasSubstr("looping"), HasSubstr("ready")));
  EXPECT_THAT(worker("list", {"--json"}).out, HasSubstr(R"("queues":["mail"])"));
  EXPECT_EQ(worker("pause", {"consumers:mail"}).out, "consumers:mail: paused\n");
  EXPECT_TRUE(eventually([&] { return is("2"); })) << worker("list").out;
  ASSERT_EQ(sandbox_.run({"add", "mail", "1"}).code, 0);
  EXPECT_EQ(worker("resume", {"consumers:mail", "--json"}).out, "{\"consumers:mail\":true}\n");
  EXPECT_TRUE(eventually([&] { return is("1"); })) << worker("list").out;
  EXPECT_TRUE(eventually([&] { return sandbox_.run({"jobs", "--json"}).out.empty(); }));
  EXPECT_EQ(worker("stop", {"--all"}).code, 0);
  EXPECT_TRUE(eventually([&] { return is("4"); })) << worker("list").out;
  EXPECT_EQ(worker("resume", {"consumers:mail"}).code, 1);
  EXPECT_EQ(worker("start", {"consumers:mail"}).code, 0);
  EXPECT_TRUE(eventually([&] { return is("1"); })) << worker("list").out;
  const std::string before = worker("list").out;
  EXPECT_EQ(worker("scale", {"consumers:mail", "3"}).code, 0);
  EXPECT_TRUE(eventually([&] { return worker("list").out.find("3 of 3 processes") != std::string::npos; }));
  EXPECT_EQ(worker("restart", {"consumers:mail"}).code, 0);
  EXPECT_TRUE(eventually([&] { return is("1"); }));
  EXPECT_THAT(worker("status", {"consumers:mail"}).out, HasSubstr("processes"));
}

TEST_F(Commands, MistakesAreToldInWords) {
  start("");
  const Ran unknown = worker("pause", {"nobody"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("there is no worker 'nobody', but consumers:mail"));
  EXPECT_EQ(worker("pause").code, 2);
  EXPECT_EQ(worker("scale", {"consumers:mail", "x"}).code, 2);
  EXPECT_THAT(worker("send", {"consumers:mail", "word"}).err, HasSubstr("takes no words"));
  EXPECT_EQ(worker("send", {"consumers:mail", "word", "{"}).code, 2);
}

TEST_F(Commands, WhereNobodyAnswersThePlacesAreNamed) {
  if (std::filesystem::exists("/run/coworker/control.sock")) GTEST_SKIP() << "this machine has one that answers";
  const Ran none = sandbox_.run({"worker", "list"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, AllOf(HasSubstr("coworker-data/control.sock"), HasSubstr(".runtime/coworker/control.sock"),
                              HasSubstr("/run/coworker/control.sock")));
  const Ran there = sandbox_.run({"top", "--control", "unix:nothing"});
  EXPECT_EQ(there.code, 1);
  EXPECT_THAT(there.err, HasSubstr("unix:nothing"));
}

TEST_F(Commands, AStoreThatIsNamedHasItsOwnSupervisorOrNone) {
  std::filesystem::create_directories(sandbox_.path(".runtime/coworker"));
  std::filesystem::create_directory(sandbox_.path("elsewhere"));
  start("{ listen: ['unix:.runtime/coworker/control.sock'] }");
  const std::string elsewhere = sandbox_.path("elsewhere");
  EXPECT_EQ(sandbox_.run({"reload"}, {}, {}, elsewhere).code, 0);
  const Ran none = sandbox_.run({"reload"}, {}, {"COWORKER_STORE=file:data"}, elsewhere);
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, AllOf(HasSubstr("data/control.sock"), testing::Not(HasSubstr(".runtime"))));
}

TEST_F(Commands, TopTellsWorkersQueuesAndRates) {
  start_ready("");
  ASSERT_EQ(sandbox_.run({"add", "mail", "1"}).code, 0);
  const Ran text = sandbox_.run({"top", "--interval", "50ms"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("consumers:mail"), HasSubstr("in/s"), HasSubstr("process ")));
  const Ran json = sandbox_.run({"top", "--json", "--count", "2", "--interval", "50ms"});
  EXPECT_THAT(json.out, AllOf(HasSubstr(R"("rates":{)"), HasSubstr(R"("workers":[)")));
  EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 2);
}

TEST_F(Commands, TopDrawsOnATerminalUntilQ) {
  if (std::system("command -v tmux >/dev/null") != 0) GTEST_SKIP() << "there is no tmux";
  start_ready("");
  ASSERT_EQ(sandbox_.run({"queue", "pause", "mail"}).code, 0);
  ASSERT_EQ(sandbox_.run({"add", "mail", "1"}).code, 0);
  const std::string tmux = "TMUX= tmux -S '" + sandbox_.path("tmux") + "' ";
  const std::string bin = std::getenv("COWORKER_BIN");
  ASSERT_EQ(std::system((tmux + "-f /dev/null new-session -d -x 120 -y 40 \"cd '" + sandbox_.path(".") + "' && '" +
                         bin + "/coworker' top --interval 100ms; echo code $? > left; cat\"")
                            .c_str()),
            0);
  const auto screen = [&] {
    static_cast<void>(std::system((tmux + "capture-pane -p > '" + sandbox_.path("screen") + "'").c_str()));
    return sandbox_.read("screen");
  };
  EXPECT_TRUE(eventually([&] { return screen().find("consumers:mail") != std::string::npos; })) << screen();
  // The rate of a queue that nothing comes to, after a second look.
  EXPECT_TRUE(eventually([&] { return screen().find("0.0") != std::string::npos; })) << screen();
  EXPECT_THAT(screen(), AllOf(HasSubstr("queue"), HasSubstr("paused"), HasSubstr("q: leave")));
  EXPECT_EQ(std::system((tmux + "send-keys q").c_str()), 0);
  EXPECT_TRUE(eventually([&] { return sandbox_.read("left") == "code 0\n"; })) << screen();
  static_cast<void>(std::system((tmux + "kill-server").c_str()));
}

}  // namespace
