#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <set>

#include "site.h"

// coworker run and doctor with a site that is reached over HTTP.
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class WebRun : public testing::Test {
 protected:
  void SetUp() override {
    if (!WebSite::is_possible()) GTEST_SKIP() << "nginx, php-fpm and openssl are needed";
    site_.emplace(sandbox_);
  }

  /// The words of a run that looks for work often.
  Sandbox::Words words(const std::string& web, const Sandbox::Words& more = {}) const {
    Sandbox::Words all{"run", "--web=" + web, "-d", "pollInterval=100ms"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string url(const std::string& query = "?token=worker") const {
    return site_->plain() + "/civicrm/queue" + query;
  }

  bool is_empty() const { return site_->queues().find("\"items\":[]") != std::string::npos; }

  Sandbox sandbox_;
  std::optional<WebSite> site_;
};

std::string item(int id, const std::string& queue, const std::string& more = {}) {
  return "{\"id\":" + std::to_string(id) + ",\"queue\":\"" + queue + "\"" + more + "}";
}

TEST_F(WebRun, EveryTaskIsDoneOnce) {
  std::string items;
  for (int id = 1; id <= 60; ++id) items += (id == 1 ? "" : ",") + item(id, "q" + std::to_string(id % 3));
  site_->set_queues(R"({"queues":{"q0":{"batch_limit":5},"q1":{"batch_limit":1},"q2":{"batch_limit":50}},"items":[)" +
                    items + "]}");
  Background one{sandbox_, words(url())};
  Background two{sandbox_, words(url())};
  EXPECT_TRUE(eventually([&] { return is_empty(); })) << one.log() << site_->log();
  EXPECT_EQ(one.stop(), 0);
  EXPECT_EQ(two.stop(), 0);
  const std::vector<std::string> ran = site_->ran();
  EXPECT_THAT(ran, SizeIs(60));
  EXPECT_THAT(std::set<std::string>(ran.begin(), ran.end()), SizeIs(60));
}

TEST_F(WebRun, Case41_OutcomesAreCountedAndLogged) {
  site_->set_queues(R"({"queues":{"a":{"retry_limit":1},"b":{"error":"abort","batch_limit":3}},"items":[)" +
                    item(1, "a", R"(,"task":"fail")") + "," + item(2, "b") + "," + item(3, "b", R"(,"task":"fail")") +
                    "," + item(4, "b") + "]}");
  Background program{sandbox_, words(url())};
  EXPECT_TRUE(eventually([&] {
    const std::string log = program.log();
    return log.find("deleted") != std::string::npos && log.find("stopped its queue") != std::string::npos &&
           log.find("not attempted") != std::string::npos;
  })) << program.log();
  EXPECT_EQ(program.stop(), 0);
  EXPECT_THAT(site_->ran(), UnorderedElementsAre("1", "1", "2", "3"));
  EXPECT_THAT(site_->queues(), AllOf(HasSubstr("\"aborted\""), HasSubstr("\"id\":4")));
}

TEST_F(WebRun, ACredentialIsSeenByNobody) {
  site_->set_queues(R"({"queues":{"q":{}},"items":[)" + item(1, "q") + "]}");
  Background program{sandbox_, words(site_->plain("mara:p%40ss%3Aw%2Frd@") + "/civicrm/queue", {"--log=run.log"})};
  EXPECT_TRUE(eventually([&] { return is_empty(); })) << program.log() << sandbox_.read("run.log");
  std::string title;
  EXPECT_TRUE(eventually([&] {
    std::FILE* file = std::fopen(("/proc/" + std::to_string(program.pid()) + "/cmdline").c_str(), "r");
    char text[4096];
    title.assign(text, std::fread(text, 1, sizeof text, file));
    std::fclose(file);
    return !title.empty();
  }));
  EXPECT_THAT(title, AllOf(HasSubstr("--web=http://xxx"), Not(HasSubstr("p%40ss"))));
  EXPECT_EQ(program.stop(), 0);
  EXPECT_THAT(program.log() + sandbox_.read("run.log"),
              AllOf(Not(HasSubstr("p%40ss")), Not(HasSubstr("p@ss")), HasSubstr("/civicrm/queue")));
  EXPECT_THAT(program.log(), HasSubstr("a credential on the command line can be seen by others"));
}

TEST_F(WebRun, ACredentialComesFromTheEnvironmentOrAFile) {
  const auto ended = [&](const Sandbox::Words& more, const Sandbox::Words& environment) {
    site_->set_queues(R"({"queues":{"q":{}},"items":[)" + item(1, "q") + "]}");
    Background program{sandbox_, words(url(""), more), environment};
    EXPECT_TRUE(eventually([&] { return is_empty(); })) << program.log();
    EXPECT_EQ(program.stop(), 0);
  };
  ended({}, {"COWORKER_WEB_CREDENTIAL=worker"});
  sandbox_.write("secret", "mara:p@ss:w/rd\n");
  ended({"-d", "webCredentialFile=secret"}, {});
}

TEST_F(WebRun, AWrongCredentialIsSaidAndEndsTheProgram) {
  const Ran ran = sandbox_.run(words(url("?token=wrong"), {"-d", "failures=2"}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("the credential is not accepted (status 401"), Not(HasSubstr("wrong"))));
}

// What it held is run by the other one, after the lease, and once.
TEST_F(WebRun, Case43_TasksOfAKilledCoworkerComeAfterTheirLease) {
  site_->set_queues(R"({"queues":{"q":{"lease_time":2,"retry_limit":1}},"items":[)" + item(1, "q") + "," +
                    item(2, "q") + "," + item(3, "q") + "]}");
  site_->plan("Queue/runItems hold");
  Background one{sandbox_, words(url(), {"-d", "workerCount=1"})};
  ASSERT_TRUE(eventually([&] { return site_->requests("Queue/runItems").size() == 1; })) << one.log();
  ::kill(one.pid(), SIGKILL);
  Background two{sandbox_, words(url())};
  EXPECT_TRUE(eventually([&] { return is_empty(); })) << two.log();
  EXPECT_EQ(two.stop(), 0);
  EXPECT_THAT(site_->ran(), UnorderedElementsAre("1", "2", "3"));
}

TEST_F(WebRun, Case40_TasksOfOtherContactsAreGivenBackAndReported) {
  site_->set_queues(R"({"queues":{"q":{"batch_limit":3}},"items":[)" +
                    item(1, "q", R"(,"run_as":{"contactId":100,"domainId":1})") + "," +
                    item(2, "q", R"(,"run_as":{"contactId":5,"domainId":1})") + "," + item(3, "q") + "]}");
  Background program{sandbox_, words(url())};
  EXPECT_TRUE(eventually([&] {
    return site_->ran().size() == 2 && site_->queues().find("\"run_count\":0") != std::string::npos;
  })) << program.log()
      << site_->queues();
  EXPECT_EQ(program.stop(), 0);
  EXPECT_THAT(program.log(), HasSubstr("it must run as contact 100 of domain 1"));
  EXPECT_THAT(site_->ran(), UnorderedElementsAre("2", "3"));
}

TEST_F(WebRun, ALostAnswerLeavesTheTaskToItsLease) {
  site_->set_queues(R"({"queues":{"q":{"lease_time":1,"retry_limit":3}},"items":[)" + item(1, "q") + "]}");
  site_->plan("Queue/runItems die");
  Background program{sandbox_, words(url())};
  EXPECT_TRUE(eventually([&] { return is_empty(); })) << program.log();
  EXPECT_EQ(program.stop(), 0);
  EXPECT_THAT(program.log(), HasSubstr("the web server has lost PHP"));
  EXPECT_THAT(site_->requests("Queue/runItems"), SizeIs(2));
}

TEST_F(WebRun, OneChannelWatchesAndTheOtherRuns) {
  const std::string pipe = "--pipe=STAND_IN='" + sandbox_.path("site") + "' php '" SITE_FOLDER "/site.php'";
  const auto tasks = [&] {
    site_->set_queues(R"({"queues":{"q":{"batch_limit":2}},"items":[)" + item(1, "q") + "," +
                      item(2, "q", R"(,"run_as":{"contactId":5,"domainId":1})") + "]}");
  };
  tasks();
  Background by_pipe{sandbox_, words(url(), {pipe, "--channel=web,pipe"})};
  EXPECT_TRUE(eventually([&] { return is_empty(); })) << by_pipe.log() << site_->queues();
  EXPECT_EQ(by_pipe.stop(), 0);
  EXPECT_THAT(site_->requests("Queue/claimItems"), Each(HasSubstr("Bearer")));
  EXPECT_THAT(site_->requests("Queue/runItems"),
              UnorderedElementsAre("Queue/runItems pipe 0", "Queue/runItems pipe 5"));

  sandbox_.write("site/requests", "");
  tasks();
  Background by_web{sandbox_, words(url(), {pipe, "--channel=pipe,web"})};
  EXPECT_TRUE(eventually([&] { return is_empty(); })) << by_web.log() << site_->queues();
  EXPECT_EQ(by_web.stop(), 0);
  EXPECT_THAT(site_->requests("Queue/runItems"), AllOf(SizeIs(2), Each(HasSubstr("Bearer"))));
  EXPECT_THAT(sandbox_.run(words(url(), {pipe})).err, HasSubstr("--channel"));
}

TEST_F(WebRun, DoctorSaysWhatItFinds) {
  site_->set_queues(R"({"queues":{"mail":{},"paused":{"status":"draft"}}})");
  const Ran well = sandbox_.run({"doctor", "--web=" + url()});
  EXPECT_EQ(well.code, 0) << well.err;
  EXPECT_THAT(well.out,
              AllOf(HasSubstr("5.81.0"), HasSubstr("mail"), HasSubstr("contact 5"), Not(HasSubstr("worker\n"))));
  const Ran ill = sandbox_.run({"doctor", "--web=" + url("?token=reader")});
  EXPECT_EQ(ill.code, 1);
  EXPECT_THAT(ill.out + ill.err, HasSubstr("administer queues"));
  const Ran nowhere = sandbox_.run({"doctor", "--web=http://127.0.0.1:1/civicrm/queue"});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_THAT(nowhere.out + nowhere.err, HasSubstr("connect"));
}

}  // namespace
