#include <gmock/gmock.h>

#include "coworker/worker_factory.h"
#include "program.h"

/// Channel workers in C, run by the stock program: it is all that is started here.
namespace {

using coworker::Answer;
using coworker::DedicatedWorker;
using coworker::Profile;
using coworker::SharedWorker;
using coworker::WorkerFactory;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{30};

std::string program() {
  return std::string{std::getenv("COWORKER_BIN")} + "/coworker";
}

class WorkersInC : public testing::Test {
 protected:
  void SetUp() override {
    profile_.program = program();
    profile_.bootstrap = TEST_WORKERS;
    profile_.admin_cookie = "C";
    profile_.arguments = "[1]";
    profile_.grace = std::chrono::milliseconds{100};  // an evented worker with a timer does not end by itself
  }
  std::string address() const { return "unix:" + sandbox_.path("socket"); }
  Sandbox::Words environment() const { return {"COWORKER_BOOTSTRAP=" TEST_WORKERS, "COWORKER_ADMIN_COOKIE=C"}; }
  Ran shared(Sandbox::Words words) const {
    words.insert(words.begin(), "shared");
    return sandbox_.run(words, {}, environment());
  }

  Sandbox sandbox_;
  Profile profile_;
};

TEST_F(WorkersInC, AreSharedThroughTheCommandLine) {
  const Ran started = shared({"start", address(), "--worker", "chatty", "--arguments", "[1]"});
  EXPECT_EQ(started.code, 0) << started.err;
  EXPECT_THAT(shared({"query", address()}).out, HasSubstr("privileged\nmasters                  1 c"));
  Answer<SharedWorker> worker = WorkerFactory{profile_}.connect(address());
  ASSERT_TRUE(worker) << worker.message();
  EXPECT_EQ(*worker->call("\"arguments\"", kPatience), "[1]");
  EXPECT_EQ(*worker->call("\"extra\"", kPatience), "true");
  EXPECT_EQ(*worker->receive(kPatience), "7");
  EXPECT_EQ(*worker->call("\"later\"", kPatience), "\"late\"");
  EXPECT_EQ(worker->call("\"fault\"", kPatience).code(), "mine");
  EXPECT_EQ(worker->call("\"silence\"", kPatience).code(), "no_reply");
  Answer<SharedWorker> other = WorkerFactory{profile_}.connect(address());
  ASSERT_TRUE(other) << other.message();
  EXPECT_EQ(*worker->call("\"first\"", kPatience), "true");
  EXPECT_EQ(*other->call("\"first\"", kPatience), "false");
  EXPECT_EQ(worker->query(kPatience)->counters.at(0).value, 2);
  worker = coworker::Failure{};
  other = coworker::Failure{};
  const Ran stopped = shared({"stop", address()});
  EXPECT_EQ(stopped.code, 0) << stopped.err;
}

TEST_F(WorkersInC, AreHeldBackByAddressOrName) {
  sandbox_.write("coworker.yml", "kill_switch: switch.json\nbootstrap: " TEST_WORKERS
                                 "\nshared: { chat: { address: 'unix:socket', worker: chatty } }\n");
  for (const char* given : {"unix:socket", "unix:./a/../socket", "chat"}) {
    const Ran disabled = shared({"disable", given, "unix:/other"});
    EXPECT_EQ(disabled.code, 0) << disabled.err;
    EXPECT_THAT(shared({"start", "chat"}).err, HasSubstr("disabled by the kill switch")) << given;
    EXPECT_EQ(shared({"enable", given}).code, 0);
    EXPECT_THAT(shared({"switch"}).out, HasSubstr("but not unix:/other"));
    const Ran started = shared({"start", "chat"});
    EXPECT_EQ(started.code, 0) << started.err;
    EXPECT_EQ(shared({"stop", "chat"}).code, 0);
  }
  EXPECT_EQ(shared({"disable", "nobody"}).code, 2);
}

TEST_F(WorkersInC, AreDedicated) {
  Answer<DedicatedWorker> chatty = WorkerFactory{profile_}.create_worker("chatty");
  ASSERT_TRUE(chatty) << chatty.message();
  const Answer<std::uint64_t> call = chatty->start_call("\"progress\"");
  std::string heard;
  const auto note = [&](const std::string& progress) { heard += progress; };
  EXPECT_EQ(*chatty->finish_call(*call, kPatience, note), "2");
  EXPECT_EQ(heard, "1");
  Answer<DedicatedWorker> raw = WorkerFactory{profile_}.create_worker("double");
  ASSERT_TRUE(raw) << raw.message();
  EXPECT_EQ(*raw->call("21", kPatience), "42");
  EXPECT_EQ(raw->close().exit_code, 0);
}

TEST_F(WorkersInC, LoopUntilTheyAreStopped) {
  sandbox_.write("coworker.yml", "bootstrap: " TEST_WORKERS "\nstore: 'file:data'\nloops: { ticker: { id: seven } }\n");
  Background program{sandbox_, {"run"}, {"TICKER=1"}};
  const auto send = [&](const char* word, const char* arguments) {
    return sandbox_.run({"worker", "send", "ticker", word, arguments});
  };
  EXPECT_TRUE(eventually([&] { return std::atoi(send("rounds", "null").out.c_str()) > 3; })) << program.log();
  EXPECT_EQ(send("say", R"({"a":[1]})").out, "{\"a\":[1]}\n");
  EXPECT_THAT(send("refuse", "1").err, HasSubstr("not at all"));
  EXPECT_THAT(send("sing", "1").err, HasSubstr("knows no command 'sing'"));
  EXPECT_THAT(sandbox_.run({"worker", "status", "ticker", "--json"}).out, HasSubstr(R"("last_failure":"even")"));
  EXPECT_THAT(sandbox_.run({"worker", "list", "--json"}).out, HasSubstr(R"("id":"seven")"));
  EXPECT_EQ(program.stop(), 0) << program.log();
  EXPECT_EQ(sandbox_.read("ticker-is-down"), "1");
}

TEST_F(WorkersInC, MistakesAreTold) {
  EXPECT_THAT(shared({"start", address(), "--worker", "nobody"}).err, HasSubstr("no channel worker 'nobody'"));
  EXPECT_THAT(shared({"start", address(), "--worker", "double"}).err, HasSubstr("has one master only"));
  profile_.arguments = "\"refuse\"";
  EXPECT_THAT(WorkerFactory{profile_}.create_worker("chatty").message(), HasSubstr("could not make it"));
  profile_.bootstrap = "/nonexistent/workers.so";
  EXPECT_THAT(WorkerFactory{profile_}.create_worker("chatty").message(), HasSubstr("/nonexistent/workers.so"));
}

}  // namespace
