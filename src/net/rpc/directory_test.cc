#include "net/rpc/directory.h"

#include "net/rpc/rpc_fixture.h"

namespace coworker::net::rpc {
namespace {

using testing::HasSubstr;
using testing::Not;

class Operations : public RpcFixture {
 protected:
  /// The result of a call, or its error.
  std::string call(const std::string& method, const std::string& params = "[]") {
    const std::string answer =
        json(R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + R"(,"id":1})");
    for (const std::string_view part : {"\"result\":", "\"error\":"}) {
      const std::size_t at = answer.find(part);
      if (at != std::string::npos) return answer.substr(at + part.size(), answer.size() - at - part.size() - 8);
    }
    return answer;
  }
};

TEST_F(Operations, Case06_WorkerListNamesEachWithItsPeriod) {
  const std::string list = call("worker.list");
  EXPECT_THAT(list, HasSubstr(R"("name":"copier")"));
  EXPECT_THAT(list, HasSubstr(R"("looptime":1,)"));
  EXPECT_THAT(list, HasSubstr(R"("forever":true)"));
  EXPECT_LT(list.find("copier"), list.find("cleaner"));
}

TEST_F(Operations, Case07_WorkerStatusIsAnIntegerOrAMapOfAll) {
  EXPECT_EQ(call("worker.status", R"(["copier"])"), "1");
  EXPECT_EQ(call("worker.status"), R"({"cleaner":1,"copier":1})");
  EXPECT_EQ(call("worker.status", R"(["nobody"])"),
            R"({"code":-32602,"message":"invalid params: there is no worker 'nobody'"})");
  EXPECT_THAT(call("worker.info", R"(["copier"])"), HasSubstr(R"("pid":17)"));
}

TEST_F(Operations, ADeathCertificateIsOneObject) {
  backend_.all.front().last_exit = boost::json::object{{"code", 3}};
  EXPECT_THAT(call("worker.info", R"(["copier"])"), HasSubstr(R"("last_exit":{"code":3})"));
}

TEST_F(Operations, Case08_PauseAndResumeAnswerTrueAndChangeTheState) {
  EXPECT_EQ(call("worker.pause", R"(["copier"])"), "true");
  EXPECT_EQ(call("worker.status", R"(["copier"])"), "2");
  EXPECT_EQ(call("worker.resume", R"({"name":"copier"})"), "true");
  EXPECT_EQ(call("worker.status", R"(["copier"])"), "1");
  EXPECT_THAT(call("worker.pause", R"(["nobody"])"), HasSubstr("-32602"));
}

TEST_F(Operations, Case09_PauseWithoutANamePausesAll) {
  EXPECT_EQ(call("worker.pause"), R"({"cleaner":true,"copier":true})");
  EXPECT_EQ(call("worker.status"), R"({"cleaner":2,"copier":2})");
}

TEST_F(Operations, Case16_AWordReachesAWorkerWithItsArgumentsAndItsReplyComesBack) {
  EXPECT_EQ(call("worker.send", R"(["copier","rename",{"to":"x"}])"), R"({"to":"x"})");
  EXPECT_EQ(call("worker.send", R"(["copier","rename"])"), "null");
  EXPECT_EQ(backend_.asked, (std::vector<std::string>{"send copier rename", "send copier rename"}));
}

TEST_F(Operations, Case17_TheMethodsSpeakOfThemselves) {
  const std::string names = call("system.listMethods");
  for (const char* name : {"daemon.shutdown", "system.getCapabilities", "system.listMethods", "system.methodHelp",
                           "system.methodSignature", "system.multicall", "worker.list", "worker.pause", "worker.resume",
                           "worker.status"}) {
    EXPECT_THAT(names, HasSubstr('"' + std::string{name} + '"'));
  }
  EXPECT_EQ(call("system.methodSignature", R"(["worker.status"])"), R"([["struct"],["int","string"]])");
  EXPECT_EQ(call("system.methodSignature", R"(["worker.list"])"), R"(["array"])");
  EXPECT_THAT(call("system.methodHelp", R"(["worker.list"])"), HasSubstr("order"));
  EXPECT_THAT(call("system.methodHelp", R"(["nothing"])"), HasSubstr("-32601"));
  const std::string capabilities = call("system.getCapabilities");
  for (const char* name : {"xmlrpc", "system.multicall", "introspection", "nil", "faults_interop", "json-rpc"}) {
    EXPECT_THAT(capabilities, HasSubstr('"' + std::string{name} + R"(":{"specUrl")"));
  }
  EXPECT_THAT(capabilities, HasSubstr(R"("specVersion":20010516)"));
}

TEST_F(Operations, Case24_ShutdownAnswersZeroAndTheConnectionIsToEnd) {
  EXPECT_EQ(call("daemon.shutdown"), "0");
  EXPECT_EQ(backend_.asked, std::vector<std::string>{"shutdown"});
  EXPECT_TRUE(caller_.leaving);
}

TEST_F(Operations, EachHasAHelpAndEachParameterAName) {
  for (const api::Operation& operation : api::operations()) {
    EXPECT_FALSE(operation.help.empty()) << operation.name;
    ASSERT_FALSE(operation.forms.empty()) << operation.name;
    for (const api::Form& form : operation.forms) {
      for (const Parameter& parameter : form.signature.parameters)
        EXPECT_FALSE(parameter.name.empty()) << operation.name;
    }
  }
}

TEST_F(Operations, AnAddressForLookingRefusesWhatChangesSomething) {
  caller_.access = api::Access::look;
  EXPECT_EQ(call("worker.status", R"(["copier"])"), "1");
  EXPECT_THAT(call("worker.pause", R"(["copier"])"), HasSubstr("-32004"));
  EXPECT_THAT(call("daemon.shutdown"), HasSubstr("-32004"));
  EXPECT_TRUE(backend_.asked.empty());
}

TEST_F(Operations, WithoutTheTokenNothingIsToldAndAWrongOneEndsTheConnection) {
  caller_.token = "secret";
  EXPECT_THAT(call("worker.list"), HasSubstr("-32004"));
  EXPECT_THAT(call("system.listMethods"), Not(HasSubstr("worker")));
  EXPECT_THAT(call("system.authenticate", R"(["secre"])"), HasSubstr("-32004"));
  EXPECT_TRUE(caller_.leaving);
  EXPECT_THAT(call("worker.list"), HasSubstr("-32004"));
  EXPECT_EQ(call("system.authenticate", R"(["secret"])"), "true");
  EXPECT_THAT(call("worker.list"), HasSubstr("copier"));
}

TEST_F(Operations, QueuesAndJobsAreAskedOfTheStore) {
  job::QueueView queue;
  queue.name = "mail";
  queue.ready = 3;
  backend_.answers.emplace_back(job::QueuePage{0, {queue}});
  EXPECT_THAT(call("queue.list"), HasSubstr(R"("ready":3)"));
  queue.pause_out = true;
  backend_.answers.emplace_back(queue);
  EXPECT_THAT(call("queue.pause", R"(["mail"])"), HasSubstr(R"("pause_out":true)"));
  const auto* set = std::get_if<job::SetQueue>(&backend_.commands.back());
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->pause_out, true);
  EXPECT_EQ(set->pause_in, std::nullopt);
  backend_.answers.emplace_back(job::Added{});
  EXPECT_THAT(call("job.add", R"(["mail",{"to":1},{"delay":1.5,"priority":3}])"), HasSubstr("\"D-"));
  const auto* add = std::get_if<job::Add>(&backend_.commands.back());
  ASSERT_NE(add, nullptr);
  EXPECT_EQ(add->delay, Millis{1500});
  EXPECT_EQ(add->priority, 3);
  EXPECT_THAT(call("job.add", R"(["mail",1,{"delai":1}])"), HasSubstr("there is no option 'delai'"));
  EXPECT_THAT(call("job.add", R"(["mail",1,{"delay":"x"}])"), HasSubstr("no number of seconds"));
  EXPECT_THAT(call("job.info", R"(["nonsense"])"), HasSubstr("-32602"));
  EXPECT_THAT(call("store.status"), HasSubstr("-32003"));
}

TEST_F(Operations, DeadJobsAreFoundByFiltersAndRunAgain) {
  job::View dead;
  dead.queue = "failed-jobs";
  dead.origin = "mail";
  dead.reason = "no such address";
  dead.body = "{}";
  backend_.answers.emplace_back(job::Views{0, {dead}});
  EXPECT_THAT(call("dead.list", R"([{"reason":"address"}])"), HasSubstr(R"("origin":"mail")"));
  backend_.answers.emplace_back(job::Views{0, {dead}});
  EXPECT_EQ(call("dead.list", R"([{"queue":"other"}])"), "[]");
  backend_.answers.emplace_back(job::Views{0, {dead}});
  backend_.answers.emplace_back(job::Added{});
  backend_.answers.emplace_back(job::Statuses{{job::Status::done}});
  EXPECT_EQ(call("dead.retry", "[{}]"), "1");
  EXPECT_TRUE(std::holds_alternative<job::Remove>(backend_.commands.back()));
  backend_.can_revive = true;
  backend_.answers.emplace_back(job::Views{0, {dead}});
  backend_.answers.emplace_back(job::Statuses{{job::Status::done}});
  EXPECT_EQ(call("dead.retry", "[{}]"), "1");
  EXPECT_TRUE(std::holds_alternative<job::MoveDead>(backend_.commands.back()));
  backend_.answers.emplace_back(job::Views{0, {dead}});
  backend_.answers.emplace_back(job::Statuses{{job::Status::done}});
  EXPECT_EQ(call("dead.move", R"([{},"elsewhere"])"), "1");
}

}  // namespace
}  // namespace coworker::net::rpc
