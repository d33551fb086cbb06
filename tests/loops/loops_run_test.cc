#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "program.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Runs our own program where the test asks for the stock one.
class OwnProgram {
 public:
  OwnProgram(const Sandbox& sandbox, const char* program) : before_{std::getenv("COWORKER_BIN")} {
    ::symlink(program, sandbox.path("coworker").c_str());
    ::setenv("COWORKER_BIN", sandbox.path("").c_str(), 1);
  }
  ~OwnProgram() { ::setenv("COWORKER_BIN", before_.c_str(), 1); }

 private:
  std::string before_;
};

struct Note {
  std::string name, text;
  int pid = 0;
  long long at = 0;  // microseconds
};

class LoopsRun : public testing::Test {
 protected:
  std::vector<Note> notes(const std::string& text, const std::string& name = {}) const {
    std::vector<Note> found;
    std::istringstream file{sandbox_.read("notes")};
    for (std::string line; std::getline(file, line);) {
      std::istringstream words{line};
      Note note;
      words >> note.name >> note.text >> note.pid >> note.at;
      if (note.at != 0 && note.text == text && (name.empty() || note.name == name)) found.push_back(note);
    }
    return found;
  }
  bool noted(std::size_t count, const std::string& text, const std::string& name = {}) const {
    return eventually([&] { return notes(text, name).size() >= count; });
  }
  /// What the running supervisor says of its workers; empty while nobody answers.
  std::string list() const { return sandbox_.run({"worker", "list", "--json"}).out; }
  bool listed(const std::string& part) const {
    return eventually([&] { return list().find(part) != std::string::npos; });
  }
  bool listed_without(const std::string& part) const {
    return eventually([&] {
      const std::string all = list();
      return !all.empty() && all.find(part) == std::string::npos;
    });
  }
  void wish(const std::string& word) const {
    sandbox_.write("wish.new", word);
    std::filesystem::rename(sandbox_.path("wish.new"), sandbox_.path("wish"));
  }

  Sandbox sandbox_;
  const Sandbox::Words variables_{"LOOP_NOTES=" + sandbox_.path("notes"), "LOOP_WISH=" + sandbox_.path("wish")};
};

bool is_dead(int pid) {
  return ::kill(pid, 0) < 0;
}

class OwnLoops : public LoopsRun {
 protected:
  OwnProgram own_{sandbox_, LOOP_APP};
};

TEST_F(OwnLoops, Case13_ATermEndsAllWithTheirSpindownsAndExitCodeZero) {
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(3, "round", "first") && noted(1, "round", "second")) << program.log();
  EXPECT_TRUE(listed(R"("state_name":"looping")"));
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data/broker.sock"))) << "there is nothing to store";
  EXPECT_EQ(program.stop(), 0) << program.log();
  EXPECT_EQ(notes("spindown").size(), 2u) << program.log();
}

TEST_F(OwnLoops, Case12_TheDeathOfOneThatIsNotForeverStopsTheRestAndIsAFailure) {
  sandbox_.write("coworker.yml", "loops: { first: { forever: false } }");
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "round", "first") && noted(1, "round", "second")) << program.log();
  ::kill(notes("spinup", "first").front().pid, SIGKILL);
  EXPECT_TRUE(noted(1, "spindown", "second")) << program.log();
  EXPECT_EQ(program.stop(), 1) << program.log();
  EXPECT_TRUE(notes("spindown", "first").empty());
}

TEST_F(OwnLoops, Case11_AKilledOneIsBackAndTheProgramWorksOn) {
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "round", "first") && noted(1, "round", "second")) << program.log();
  ::kill(notes("spinup", "first").front().pid, SIGKILL);
  EXPECT_TRUE(noted(2, "spinup", "first")) << program.log();
  EXPECT_TRUE(listed("SIGKILL not sent by us"));
  EXPECT_TRUE(listed(R"("restarts":1)"));
  EXPECT_EQ(program.stop(), 0) << program.log();
  EXPECT_EQ(notes("spinup", "second").size(), 1u);
}

TEST_F(OwnLoops, Case22_WhenTheSupervisorIsKilledTheyEndByThemselves) {
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "round", "first") && noted(1, "round", "second")) << program.log();
  const std::vector<Note> born = notes("spinup");
  ::kill(program.pid(), SIGKILL);
  EXPECT_TRUE(noted(2, "spindown")) << program.log();
  for (const Note& each : born) EXPECT_TRUE(eventually([&] { return is_dead(each.pid); }));
}

TEST_F(OwnLoops, Case22_OneThatDoesNotEndIsKilledAtTheDeadline) {
  sandbox_.write("coworker.yml", "stop_grace: 100ms\nkill_grace: 100ms\n");
  wish("hang");
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "round", "first") && noted(1, "round", "second")) << program.log();
  ::kill(program.pid(), SIGKILL);
  for (const Note& each : notes("spinup")) EXPECT_TRUE(eventually([&] { return is_dead(each.pid); })) << program.log();
  EXPECT_TRUE(notes("spindown").empty());
}

TEST_F(OwnLoops, Case22_TheNextSupervisorWaitsForThoseOfADeadOne) {
  wish("hang");
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "round", "first") && noted(1, "round", "second")) << program.log();
  ::kill(program.pid(), SIGKILL);
  Background next{sandbox_, {"run"}, variables_};
  EXPECT_TRUE(eventually([&] { return next.log().find("waiting for the loop workers") != std::string::npos; }))
      << next.log();
  EXPECT_EQ(notes("spinup").size(), 2u);
  wish("");
  EXPECT_TRUE(noted(4, "spinup")) << next.log();
  EXPECT_EQ(notes("spindown").size(), 2u) << next.log();
  EXPECT_LT(notes("spindown").back().at, notes("spinup")[2].at) << "never two of them at a time";
  EXPECT_EQ(next.stop(), 0) << next.log();
}

TEST_F(OwnLoops, Case10_RoundsStartEveryPeriod) {
  sandbox_.write("coworker.yml", "loops: { first: { looptime: 500ms } }");
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(6, "round", "first")) << program.log();
  EXPECT_EQ(program.stop(), 0);
  const std::vector<Note> rounds = notes("round", "first");
  // A loaded machine may be late, but not always, and nothing is early.
  long long least = std::numeric_limits<long long>::max();
  for (std::size_t i = 1; i < rounds.size(); ++i) {
    const long long late = rounds[i].at - rounds.front().at - static_cast<long long>(i) * 500'000;
    EXPECT_GE(rounds[i].at, notes("spinup", "first").front().at + static_cast<long long>(i) * 500'000);
    least = std::min(least, late);
  }
  EXPECT_LT(least, 400'000);
}

TEST_F(OwnLoops, JitterPutsRoundsOff) {
  sandbox_.write("coworker.yml", "loops: { first: { jitter: 20000d }, second: { looptime: 10ms } }");
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "spinup", "first") && noted(20, "round", "second")) << program.log();
  EXPECT_TRUE(notes("round", "first").empty());
  EXPECT_EQ(program.stop(), 0) << program.log();
  EXPECT_EQ(notes("spindown", "first").size(), 1u);
}

TEST_F(OwnLoops, TheKillSwitchPausesThem) {
  sandbox_.write("coworker.yml", "kill_switch: ./switch.json");
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "round", "first")) << program.log();
  ASSERT_EQ(sandbox_.run({"shared", "disable", "--work"}).code, 0);
  EXPECT_TRUE(listed(R"("state_name":"paused")")) << list();
  ASSERT_EQ(sandbox_.run({"shared", "enable", "--all"}).code, 0);
  EXPECT_TRUE(listed(R"("state_name":"looping")")) << list();
  EXPECT_TRUE(notes("spindown").empty());
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(OwnLoops, AChangedConfigurationReplacesWhatItChanges) {
  sandbox_.write("coworker.yml", "loops: { extra: { command: [touch, extra], looptime: 50ms } }");
  Background program{sandbox_, {"run"}, variables_};
  ASSERT_TRUE(noted(1, "round", "first")) << program.log();
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(sandbox_.path("extra")); })) << program.log();
  sandbox_.write("coworker.yml", "loops: { first: { looptime: 40ms }, other: { command: [touch, other] } }");
  ::kill(program.pid(), SIGHUP);
  EXPECT_TRUE(noted(2, "spinup", "first")) << program.log();
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(sandbox_.path("other")); })) << program.log();
  EXPECT_TRUE(listed_without("extra")) << list();
  sandbox_.write("coworker.yml", "loops: { first: { looptime: 0 } }");
  ::kill(program.pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return program.log().find("stays as it was") != std::string::npos; })) << program.log();
  EXPECT_THAT(program.log(), HasSubstr("looptime"));
  EXPECT_EQ(notes("spinup", "second").size(), 1u) << "what has not changed goes on";
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(LoopsRun, LoopWorkersAndConsumersLiveSideBySide) {
  sandbox_.write("coworker.yml",
                 "queues: { q: { worker: { type: command, command: [sh, -c, 'touch job', sh] } } }\n"
                 "loops: { l: { command: [touch, loop], looptime: 50ms } }\n");
  Background program{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "q", "1"}).code, 0) << program.log();
  EXPECT_TRUE(eventually([&] {
    return std::filesystem::exists(sandbox_.path("job")) && std::filesystem::exists(sandbox_.path("loop"));
  })) << program.log();
  EXPECT_TRUE(listed(R"("looptime":5E-2)")) << list();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(LoopsRun, TheProcessIsAsTheConfigurationSays) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  ::chmod(sandbox_.path("").c_str(), 0777);
  std::filesystem::create_directory(sandbox_.path("work"));
  ::chmod(sandbox_.path("work").c_str(), 0777);
  sandbox_.write("coworker.yml",
                 "loops: { l: { command: [sh, -c, 'echo $(id -u) $(nice) $(pwd) $A $(ulimit -n) $HOME >out'],"
                 " user: nobody, niceness: 5, directory: ./work, environment: { A: b }, open_files: 77 } }\n");
  Background program{sandbox_, {"run"}};
  EXPECT_TRUE(eventually([&] { return !sandbox_.read("work/out").empty(); })) << program.log();
  std::istringstream said{sandbox_.read("work/out")};
  std::string user, niceness, directory, variable, files, home;
  said >> user >> niceness >> directory >> variable >> files >> home;
  EXPECT_EQ(user, "65534");
  EXPECT_EQ(std::atoi(niceness.c_str()), ::nice(0) + 5);
  EXPECT_EQ(directory, std::filesystem::canonical(sandbox_.path("work")).string());
  EXPECT_EQ(variable, "b");
  EXPECT_EQ(files, "77");
  EXPECT_EQ(home, "/nonexistent");
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(LoopsRun, MistakesAreToldBeforeAnythingStarts) {
  const struct {
    const char* text;
    const char* message;
  } rows[] = {
      {"loops: { a: { command: x, after: [b] } }", "there is no loop worker 'b'"},
      {"loops: { a: { command: x, after: [b] }, b: { command: x, after: [a] } }", "wait for itself"},
      {"loops: { a: { looptime: 5 } }", "registers no loop worker 'a'"},
      {"loops: { a: { command: x, user: no-such-user } }", "there is no user 'no-such-user'"},
      {"loops: { a: { command: x, looptim: 5 } }", "did you mean 'looptime'"},
      {"loops: { a: { command: x }, a: { command: y } }", "a"},
  };
  for (const auto& row : rows) {
    sandbox_.write("coworker.yml", row.text);
    const Ran ran = sandbox_.run({"run"});
    EXPECT_NE(ran.code, 0) << row.text;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("coworker.yml:1"), HasSubstr(row.message)));
  }
}

// ---- the examples -----------------------------------------------------------------------------------------

TEST_F(LoopsRun, TheCopyWorkerCopiesAsACommand) {
  for (const char* file : {"coworker.yml", "copy.sh", "count.py"}) {
    std::filesystem::copy(std::string{EXAMPLES "/"} + file, sandbox_.path(file));
  }
  std::filesystem::create_directory(sandbox_.path("from"));
  sandbox_.write("from/a", "1");
  Background program{sandbox_, {"run"}};
  EXPECT_TRUE(eventually([&] { return sandbox_.read("to/a") == "1"; })) << program.log();
  EXPECT_TRUE(listed_without(R"("rounds":0)")) << list();
  EXPECT_THAT(list(), HasSubstr(R"("name":"counter")"));
  EXPECT_EQ(program.stop(), 0) << program.log();
}

TEST_F(LoopsRun, TheCopyWorkerCopiesInCpp) {
  const OwnProgram own{sandbox_, COPIER};
  sandbox_.write("coworker.yml", "loops: { copier: { looptime: 50ms } }");
  std::filesystem::create_directory(sandbox_.path("from"));
  sandbox_.write("from/a", "1");
  Background program{sandbox_, {"run"}};
  EXPECT_TRUE(eventually([&] { return sandbox_.read("to/a") == "1"; })) << program.log();
  sandbox_.write("from/b", "2");
  EXPECT_TRUE(eventually([&] { return sandbox_.read("to/b") == "2"; })) << program.log();
  EXPECT_EQ(program.stop(), 0) << program.log();
}

}  // namespace
