#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

extern char** environ;

namespace {

using testing::AllOf;
using testing::HasSubstr;

/// server.py beside the test, until it goes out of scope.
class Server {
 public:
  explicit Server(const Sandbox& sandbox, const std::string& certificate = {}) : file_{sandbox.path("port")} {
    std::string script = HTTP_SERVER;
    std::string name = "python3";
    std::string pem = certificate;
    char* argv[] = {name.data(), script.data(), file_.data(), pem.empty() ? nullptr : pem.data(), nullptr};
    posix_spawnp(&pid_, "python3", nullptr, nullptr, argv, environ);
    EXPECT_TRUE(eventually([&] { return !sandbox.read("port").empty(); }));
    port_ = sandbox.read("port");
  }
  ~Server() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::string at(const std::string& path) const { return "127.0.0.1:" + port_ + path; }

 private:
  std::string file_;
  std::string port_;
  pid_t pid_ = -1;
};

class HttpWorkers : public testing::Test {
 protected:
  /// One job by a worker of this address and more keys.
  Ran process(const std::string& address, const std::string& more = {}, const std::string& body = R"({"a":"é &="})",
              const Sandbox::Words& environment = {}) {
    sandbox_.write("coworker.yml", "queues: { a b: { worker: { type: http, address: 'http://" + address + "'" + more +
                                       " }, job_process_timeout: 2s, max_retries: 0 } }\n");
    return sandbox_.run({"process", "a b", body}, {}, environment);
  }

  Sandbox sandbox_;
  Server server_{sandbox_};
};

TEST_F(HttpWorkers, PostAFormAndTakeTheResponseAsResult) {
  const Ran ran = process(server_.at("/echo/{queue}/{app}"), ", app: 'x/y', headers: { X-Test: hello }");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr(R"("method": "POST")"), HasSubstr(R"("path": "/echo/a%20b/x%2Fy")"),
                             HasSubstr(R"("type": "application/x-www-form-urlencoded")"),
                             HasSubstr(R"("body": "{\"a\":\"é &=\"}")"), HasSubstr(R"("metadata": "{}")"),
                             HasSubstr(R"("header": "hello")")));
}

TEST_F(HttpWorkers, OtherMethods) {
  EXPECT_THAT(process(server_.at("/echo?x=y"), ", method: GET").out,
              AllOf(HasSubstr(R"("method": "GET")"), HasSubstr(R"("body": "{\"a\":\"é &=\"}")")));
  EXPECT_THAT(process(server_.at("/echo"), ", method: PUT").out,
              AllOf(HasSubstr(R"("method": "PUT")"), HasSubstr(R"("body": "{\"a\":\"é &=\"}")")));
  EXPECT_THAT(process(server_.at("/echo"), ", method: DELETE").out, HasSubstr(R"("method": "DELETE")"));
  const Ran empty = process(server_.at("/empty"));
  EXPECT_EQ(empty.code, 0) << empty.err;
  EXPECT_EQ(empty.out, "");
  EXPECT_THAT(process("me:secret@" + server_.at("/echo")).out, HasSubstr(R"("authorization": "Basic )"));
}

TEST_F(HttpWorkers, AnotherStatusIsAFailureWithWhatTheServerSays) {
  const Ran ran = process("me:secret@" + server_.at("/status?token=x"));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("POST http://" + server_.at("/status: status 503: try later please")));
  EXPECT_EQ(ran.err.find("secret"), std::string::npos);
}

TEST_F(HttpWorkers, RedirectsAreFollowedWhenAskedFor) {
  EXPECT_THAT(process(server_.at("/redirect")).err, HasSubstr("status 302"));
  EXPECT_THAT(process(server_.at("/redirect"), ", redirects: 1").out, HasSubstr(R"("method": "GET")"));
  EXPECT_THAT(process(server_.at("/kept"), ", redirects: 1").out,
              AllOf(HasSubstr(R"("method": "POST")"), HasSubstr(R"("body": "{\"a\":\"é &=\"}")")));
  EXPECT_THAT(process(server_.at("/loop"), ", redirects: 3").err, HasSubstr("Maximum (3) redirects followed"));
  EXPECT_EQ(process(server_.at("/file"), ", redirects: 3").code, 1);
}

TEST_F(HttpWorkers, TheProcessTimeoutIsTheDeadline) {
  EXPECT_THAT(process(server_.at("/slow")).err, HasSubstr("process timeout of 2000 ms exceeded: POST http://"));
}

TEST_F(HttpWorkers, ResponsesAreBounded) {
  EXPECT_THAT(process(server_.at("/large")).err, HasSubstr("the response is too long"));
  EXPECT_EQ(process(server_.at("/large"), ", response_limit: 2M").out.size(), 2'000'001u);
}

TEST_F(HttpWorkers, LargeBodiesPass) {
  sandbox_.write("coworker.yml", "queues: { q: { worker: { type: http, address: 'http://" + server_.at("/echo") +
                                     "' }, failure_queue: dead, max_retries: 0 } }\nlog: { level: debug }\n");
  Background program{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "q", "--stdin"}, '"' + std::string(8 << 20, 'x') + "\"\n\"small\"\n").code, 0);
  EXPECT_TRUE(eventually([&] { return sandbox_.run({"jobs"}).out.find("D-") == std::string::npos; })) << program.log();
  EXPECT_EQ(sandbox_.run({"jobs", "--dead"}).out.find("D-"), std::string::npos) << program.log();
  EXPECT_EQ(program.stop(), 0);
}

TEST_F(HttpWorkers, ABodyThatNoAddressCanHoldIsAFailure) {
  sandbox_.write("coworker.yml", "queues: { q: { worker: { type: http, method: GET, address: 'http://" +
                                     server_.at("/echo") + "' }, failure_queue: dead, max_retries: 0 } }\n");
  Background program{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "q", "--stdin"}, '"' + std::string(8'000'000, 'x') + "\"\n").code, 0);
  EXPECT_TRUE(eventually([&] { return program.log().find("bytes is too long") != std::string::npos; }))
      << program.log();
  EXPECT_EQ(program.stop(), 0);
}

TEST_F(HttpWorkers, ABrokenConnectionIsAFailure) {
  EXPECT_EQ(process(server_.at("/hangup")).code, 1);
  EXPECT_THAT(process("127.0.0.1:1/").err, HasSubstr("connect to 127.0.0.1 port 1"));
  EXPECT_THAT(process("no-such-host.invalid/").err, HasSubstr("no-such-host.invalid"));
}

TEST_F(HttpWorkers, AProxyOfTheEnvironmentIsUsed) {
  EXPECT_THAT(process("elsewhere.invalid/echo", {}, "1", {"http_proxy=http://" + server_.at("")}).out,
              HasSubstr(R"("host": "elsewhere.invalid")"));
}

TEST(HttpsWorkers, ACertificateThatNobodySignedIsRefused) {
  const Sandbox sandbox;
  sandbox.write("make.sh",
                "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=localhost "
                "-addext subjectAltName=IP:127.0.0.1 2>/dev/null && cat key cert > server.pem\n");
  const std::string make = "cd " + sandbox.path("") + " && sh make.sh";
  ASSERT_EQ(std::system(make.c_str()), 0) << "openssl is needed";
  const Server server{sandbox, sandbox.path("server.pem")};
  sandbox.write("coworker.yml",
                "queues: { q: { worker: { type: http, address: 'https://" + server.at("/echo") + "' } } }");
  const Ran refused = sandbox.run({"process", "q", "1"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("certificate"));
}

}  // namespace
