#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "fixture.h"

namespace channel_workers {
namespace {

using coworker::Answer;
using coworker::DedicatedWorker;
using coworker::Profile;
using coworker::Trouble;
using coworker::WorkerEnd;
using coworker::WorkerFactory;
using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Dedicated, Case1_SquaresInOrderAndLeavesNoZombie) {
  Folder folder;
  Profile profile;
  profile.output = folder / "output";
  long pid = 0;
  {
    Answer<DedicatedWorker> worker = WorkerFactory{profile}.create_worker("square");
    ASSERT_TRUE(worker) << worker.message();
    pid = worker->pid();
    for (long n = 0; n < 10; ++n) {
      ASSERT_TRUE(worker->send(std::to_string(n)));
      EXPECT_EQ(*worker->receive(kPatience), std::to_string(n * n));
    }
  }
  EXPECT_FALSE(exists(pid));
  EXPECT_THAT(content_of(folder / "output"), testing::StartsWith("this is a stray print\nthis is a stray print\n"));
}

TEST(Dedicated, Case2_CallbacksOfAnEventedWorkerInOrder) {
  Folder folder;
  Profile profile;
  profile.arguments = "\"" + (folder / "calls") + "\"";
  Answer<DedicatedWorker> worker = WorkerFactory{profile}.create_worker("order");
  ASSERT_TRUE(worker) << worker.message();
  ASSERT_TRUE(worker->send("{\"n\":1}"));
  EXPECT_EQ(*worker->receive(kPatience), "true");
  EXPECT_THAT(worker->close().text, testing::StartsWith("exit code 0 "));
  EXPECT_EQ(content_of(folder / "calls"),
            "set_loop\ninitialize\non_connect peer=\non_message {\"n\":1}\non_disconnect\nterminate\n~\n");
}

TEST(Dedicated, Case3_OneThatIgnoresItsEndGetsSigtermThenSigkill) {
  for (const bool is_deaf : {false, true}) {
    Profile profile;
    profile.grace = 100ms;
    profile.arguments = is_deaf ? "true" : "false";
    Answer<DedicatedWorker> worker = WorkerFactory{profile}.create_worker("stubborn");
    ASSERT_TRUE(worker) << worker.message();
    ASSERT_EQ(*worker->receive(kPatience), "\"ready\"");
    const WorkerEnd end = worker->close();
    EXPECT_TRUE(end.was_killed);
    EXPECT_EQ(end.signal, is_deaf ? SIGKILL : SIGTERM);
    EXPECT_FALSE(exists(end.pid));
  }
}

TEST(Dedicated, Case8_FiveMessagesAtOnceAreAllAnswered) {
  for (const char* name : {"echo", "evented-echo"}) {
    Answer<DedicatedWorker> worker = WorkerFactory{}.create_worker(name);
    ASSERT_TRUE(worker) << worker.message();
    for (int n = 0; n < 5; ++n) ASSERT_TRUE(worker->send(std::to_string(n)));
    for (int n = 0; n < 5; ++n) EXPECT_EQ(*worker->receive(kPatience), std::to_string(n)) << name;
  }
}

TEST(Dedicated, Case9_EverySizeCompletes) {
  for (const char* name : {"echo", "evented-echo"}) {
    Answer<DedicatedWorker> worker = WorkerFactory{}.create_worker(name);
    ASSERT_TRUE(worker) << worker.message();
    std::vector<std::size_t> sizes;
    for (std::size_t size = 1; size < 64; ++size) sizes.push_back(size);
    for (std::size_t size = 4'085; size < 8'200; size += 31) sizes.push_back(size);
    for (std::size_t size = 64; size <= (1u << 20); size = size * 2) {
      for (std::size_t near : {size - 3, size - 2, size - 1, size, size + 1}) sizes.push_back(near);
    }
    for (const std::size_t size : sizes) {
      const std::string body = "\"" + std::string(size, 'x') + "\"";
      ASSERT_TRUE(worker->send(body));
      ASSERT_EQ(*worker->receive(kPatience), body) << name << size;
    }
  }
}

TEST(Dedicated, Case9_BothMaySendMuchAtTheSameTime) {
  for (const char* name : {"echo", "evented-echo"}) {
    Answer<DedicatedWorker> worker = WorkerFactory{}.create_worker(name);
    ASSERT_TRUE(worker) << worker.message();
    const std::string body = "\"" + std::string(300'000, 'y') + "\"";
    for (int n = 0; n < 30; ++n) ASSERT_TRUE(worker->send(body, kPatience));
    for (int n = 0; n < 30; ++n) ASSERT_EQ(*worker->receive(kPatience), body) << name;
  }
}

TEST(Dedicated, Case23_AHandlerThatThrowsIsAFaultAndTheWorkerGoesOn) {
  Answer<DedicatedWorker> worker = WorkerFactory{}.create_worker("moody");
  ASSERT_TRUE(worker) << worker.message();
  const Answer<std::string> thrown = worker->call("\"throw\"", kPatience);
  EXPECT_EQ(thrown.trouble(), Trouble::fault);
  EXPECT_EQ(thrown.code(), "exception");
  EXPECT_THAT(thrown.message(), HasSubstr("no mood for this"));
  EXPECT_EQ(worker->call("\"fault\"", kPatience).code(), "mine");
  ASSERT_TRUE(worker->send("\"throw\""));
  EXPECT_EQ(worker->receive(kPatience).code(), "exception");
  EXPECT_EQ(*worker->call("1", kPatience), "\"done\"");
}

TEST(Dedicated, CallsFindTheirOwnAnswers) {
  Answer<DedicatedWorker> worker = WorkerFactory{}.create_worker("moody");
  ASSERT_TRUE(worker) << worker.message();
  const Answer<std::uint64_t> late = worker->start_call("\"later\"");
  const Answer<std::uint64_t> unwanted = worker->start_call("\"later\"");
  EXPECT_EQ(*worker->call("\"extra\"", kPatience), "\"done\"");
  EXPECT_EQ(worker->waiting(), 1u);
  EXPECT_EQ(worker->call("\"silence\"", kPatience).code(), "no_reply");
  ASSERT_TRUE(worker->cancel(*unwanted));
  EXPECT_EQ(worker->finish_call(*unwanted, kPatience).code(), "cancelled");
  EXPECT_EQ(*worker->call("\"kept\"", kPatience), "\"done\"");
  EXPECT_EQ(*worker->finish_call(*late, kPatience), "\"late\"");
  EXPECT_EQ(*worker->receive(kPatience), "\"an extra message\"");

  std::vector<std::string> progress;
  const Answer<std::uint64_t> slow = worker->start_call("\"progress\"");
  EXPECT_EQ(*worker->finish_call(*slow, kPatience, [&](const std::string& each) { progress.push_back(each); }),
            "\"done\"");
  EXPECT_THAT(progress, testing::ElementsAre("1", "2"));
}

TEST(Dedicated, DeadlinesHoldAndADeathIsTold) {
  Answer<DedicatedWorker> worker = WorkerFactory{}.create_worker("moody");
  ASSERT_TRUE(worker) << worker.message();
  EXPECT_EQ(worker->receive(1ms).trouble(), Trouble::timed_out);
  EXPECT_EQ(worker->call("\"later\"", 1ms).trouble(), Trouble::timed_out);
  EXPECT_EQ(worker->send("{not json").trouble(), Trouble::invalid);
  EXPECT_EQ(worker->send("{\"_stop_\":\"x\"}").trouble(), Trouble::invalid);
  ASSERT_TRUE(worker->send("\"garbage\""));
  EXPECT_EQ(worker->receive(kPatience).trouble(), Trouble::closed);
  EXPECT_EQ(worker->close().exit_code, 7);
}

TEST(Dedicated, MessagesBeyondTheLimitAreRefused) {
  Profile profile;
  profile.longest_message = 1'000;
  Answer<DedicatedWorker> worker = WorkerFactory{profile}.create_worker("evented-echo");
  ASSERT_TRUE(worker) << worker.message();
  const std::string body = "\"" + std::string(2'000, 'x') + "\"";
  EXPECT_EQ(worker->send(body).trouble(), Trouble::too_large);
  EXPECT_EQ(*worker->call("1", kPatience), "1");
}

struct ForgottenCase {
  const char* how;
  const char* text;
};

TEST(Dedicated, AMainWithoutAppRunIsNamed) {
  for (const ForgottenCase& each :
       {ForgottenCase{"ends", "without announcing itself: does main() call coworker::App::run"},
        ForgottenCase{"stays", "has not announced itself in 300 ms: does main() call coworker::App::run"}}) {
    Profile profile;
    profile.environment = {std::string{"TEST_FORGETS="} + each.how};
    profile.start_limit = 300ms;
    profile.grace = 100ms;
    EXPECT_THAT(WorkerFactory{profile}.create_worker("square").message(), HasSubstr(each.text));
  }
  ::setenv("COWORKER_WORKER", "square", 1);
  EXPECT_THAT(WorkerFactory{}.create_worker("square").message(), HasSubstr("main() has not called App::run"));
  ::unsetenv("COWORKER_WORKER");
}

TEST(Dedicated, StartsThatCannotBeAreToldWithTheirReason) {
  EXPECT_THAT(WorkerFactory{}.create_worker("lost").message(), HasSubstr("no channel worker 'lost'; it has: broken"));
  EXPECT_THAT(WorkerFactory{}.create_worker("broken").message(), HasSubstr("cannot be made"));
  Profile hooked;
  hooked.environment = {"TEST_HOOK=1"};
  EXPECT_THAT(WorkerFactory{hooked}.create_worker("echo").message(), HasSubstr("hook of echo"));
  Profile library;
  library.libraries = {"/nowhere/lib.so"};
  EXPECT_THAT(WorkerFactory{library}.create_worker("echo").message(), HasSubstr("/nowhere/lib.so"));
  Profile folder;
  folder.directory = "/nowhere";
  EXPECT_THAT(WorkerFactory{folder}.create_worker("echo").message(), HasSubstr("directory"));
  Profile user;
  user.user = "nobody-of-that-name";
  EXPECT_EQ(WorkerFactory{user}.create_worker("echo").trouble(), Trouble::invalid);
  EXPECT_THAT(WorkerFactory{}.create_program({"/nowhere/program"}).message(), HasSubstr("No such file"));
}

TEST(Dedicated, ProgramsOfOthersSpeakOnStandardOutput) {
  Answer<DedicatedWorker> worker = WorkerFactory{}.create_program(
      {"/bin/sh", "-c", "while read -r line; do echo \"{\\\"got\\\": $line\"; echo '}'; done"});
  ASSERT_TRUE(worker) << worker.message();
  ASSERT_TRUE(worker->send("[1]"));
  EXPECT_EQ(*worker->receive(kPatience), "{\"got\": [1]\n}");
  EXPECT_EQ(worker->call("1").trouble(), Trouble::invalid);
  EXPECT_EQ(worker->close().exit_code, 0);
}

TEST(Dedicated, WhatOneLeavesRunningEndsWithIt) {
  Answer<DedicatedWorker> worker =
      WorkerFactory{}.create_program({"/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!; read -r line"});
  ASSERT_TRUE(worker) << worker.message();
  const Answer<std::string> left = worker->receive(kPatience);
  ASSERT_TRUE(left) << left.message();
  worker->close();
  EXPECT_TRUE(has_ended(std::stol(*left)));
}

TEST(Dedicated, ProgramsOfOthersMayHaveDescriptorsOfTheirOwn) {
  Profile profile;
  profile.own_descriptors = true;
  Answer<DedicatedWorker> worker = WorkerFactory{profile}.create_program(
      {"/bin/sh", "-c", "echo stray >&2; read -r line <$COWORKER_IN; echo \"$line\" >$COWORKER_OUT"});
  ASSERT_TRUE(worker) << worker.message();
  ASSERT_TRUE(worker->send("[1]"));
  EXPECT_EQ(*worker->receive(kPatience), "[1]");
}

TEST(Dedicated, GarbageOfAWorkerIsNamed) {
  Answer<DedicatedWorker> worker = WorkerFactory{}.create_program({"/bin/echo", "[1] hello"});
  ASSERT_TRUE(worker) << worker.message();
  EXPECT_EQ(*worker->receive(kPatience), "[1]");
  const Answer<std::string> garbage = worker->receive(kPatience);
  EXPECT_EQ(garbage.trouble(), Trouble::garbage);
  EXPECT_THAT(garbage.message(), HasSubstr("at byte 4 of the stream"));
}

TEST(Dedicated, OursServesAMasterThatAnnouncesNothing) {
  // As a master of another kind starts it: standard input and output, and no extension is said.
  Answer<DedicatedWorker> worker =
      WorkerFactory{}.create_program({std::filesystem::read_symlink("/proc/self/exe"), "dedicated-worker", "square"});
  ASSERT_TRUE(worker) << worker.message();
  ASSERT_TRUE(worker->send("12"));
  EXPECT_EQ(*worker->receive(kPatience), "144");
  EXPECT_EQ(worker->close().exit_code, 0);
}

}  // namespace
}  // namespace channel_workers
