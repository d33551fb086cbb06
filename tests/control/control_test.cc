#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>

#include "running.h"

namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kLoopback = "{ listen: 'tcp:127.0.0.1:0' }";

std::string frame(const std::string& document) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(document.size() >> shift & 255);
  return out + document;
}

std::string echo_json(const std::string& text) {
  return R"({"jsonrpc":"2.0","method":"examples.echo","params":[")" + text + R"("],"id":1})";
}

std::string echo_xml(const std::string& text) {
  return "<methodCall><methodName>examples.echo</methodName><params><param><value>" + text +
         "</value></param></params></methodCall>";
}

TEST_F(Controlled, Case19_BothProtocolsAndAllFramingsOnOneConnection) {
  start("");
  Client client{socket()};
  EXPECT_EQ(client.ask(echo_json("a")), R"({"jsonrpc":"2.0","result":"a","id":1})");
  EXPECT_THAT(client.ask(echo_xml("b")), HasSubstr("<value><string>b</string></value>"));
  client.send(frame(echo_json("c")) + frame(echo_xml("d")));
  const std::string framed = frame(R"({"jsonrpc":"2.0","result":"c","id":1})");
  EXPECT_EQ(client.bytes(framed.size()), framed);
  const std::string head = client.bytes(4);
  EXPECT_THAT(client.bytes(static_cast<unsigned char>(head[3])), HasSubstr("<string>d</string>"));
  const std::string body = echo_json("e");
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(client.line(), "HTTP/1.1 200 OK");
  while (!client.line().empty()) continue;
  const std::string posted = R"({"jsonrpc":"2.0","result":"e","id":1})";
  EXPECT_EQ(client.bytes(posted.size()), posted);
  EXPECT_THAT(client.ask(echo_json("f")), HasSubstr("\"f\""));
  // Many at once, answered in order; a notification has no answer.
  client.send(echo_json("1") + "\n" + R"({"jsonrpc":"2.0","method":"examples.echo","params":["x"]})" + "\n\n" +
              echo_xml("2") + "\n");
  EXPECT_THAT(client.line(), HasSubstr("\"1\""));
  EXPECT_THAT(client.line(), HasSubstr("<string>2</string>"));
}

TEST_F(Controlled, Case15_OwnMethodsAreCheckedAndTheirExceptionsStayInTheLog) {
  start("");
  Client client{socket()};
  EXPECT_THAT(client.call("examples.echo", R"(["hello"])"), HasSubstr(R"("result":"hello")"));
  EXPECT_THAT(client.call("examples.echo"), HasSubstr("-32602"));
  EXPECT_THAT(client.call("examples.echo", "[5]"), HasSubstr("-32602"));
  EXPECT_THAT(client.call("examples.nothing"), HasSubstr("-32601"));
  const std::string failed = client.call("examples.fail");
  EXPECT_THAT(failed, HasSubstr("-32603"));
  EXPECT_THAT(failed, Not(HasSubstr("hunter2")));
  EXPECT_TRUE(eventually([&] { return log().find("hunter2") != std::string::npos; }));
}

TEST_F(Controlled, ASlowMethodBlocksNobodyElse) {
  start("");
  const std::string file = sandbox_.path("go");
  Client slow{socket()};
  slow.send(R"({"jsonrpc":"2.0","method":"examples.wait","params":[")" + file + "\"],\"id\":1}\n");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file + ".begun"); }));
  Client other{socket()};
  EXPECT_THAT(other.call("examples.echo", R"(["a"])"), HasSubstr("\"a\""));
  EXPECT_THAT(other.call("daemon.version"), HasSubstr("result"));
  sandbox_.write("go", "");
  EXPECT_THAT(slow.line(), HasSubstr("true"));
}

TEST_F(Controlled, Case13_AStopWaitsForNeitherHalfARequestNorASlowMethod) {
  start("");
  const std::string file = sandbox_.path("go");
  Client slow{socket()};
  slow.send(R"({"jsonrpc":"2.0","method":"examples.wait","params":[")" + file + "\"],\"id\":1}\n");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file + ".begun"); }));
  Client half{socket()};
  ASSERT_TRUE(half.send("{\"jsonrpc\""));
  Client probe{socket()};
  ASSERT_THAT(probe.call("daemon.status"), HasSubstr("\"stopping\":false"));
  ::kill(program_->pid(), SIGTERM);
  EXPECT_TRUE(half.at_end());
  EXPECT_THAT(slow.line(), HasSubstr("-32003")) << "it is told that the daemon stops";
  sandbox_.write("go", "");
  EXPECT_EQ(program_->stop(), 0) << log();
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data/control.sock")));
}

TEST_F(Controlled, Case24_ShutdownIsAnsweredAtOnceThenTheStopProceeds) {
  start_ready("");
  Client client{socket()};
  EXPECT_EQ(client.call("daemon.shutdown"), R"({"jsonrpc":"2.0","result":0,"id":1})");
  EXPECT_TRUE(client.at_end());
  int status = -1;
  EXPECT_EQ(::waitpid(program_->pid(), &status, 0), program_->pid());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << log();
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data/control.sock")));
  EXPECT_FALSE(std::filesystem::exists(sandbox_.path("coworker-data/control.sock.lock")));
}

TEST_F(Controlled, Case25_AUnixSocketIsForItsOwnerUnlessAnotherModeIsGiven) {
  start("[ { address: 'unix:a.sock' }, { address: 'unix:b.sock', mode: '0660' } ]");
  struct stat status{};
  ASSERT_EQ(::stat(sandbox_.path("a.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0600u);
  ASSERT_EQ(::stat(sandbox_.path("b.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0660u);
}

TEST_F(Controlled, Case25_TcpForOthersNeedsATokenAndAPortIsFreeAtOnceAfterAStop) {
  sandbox_.write("coworker.yml",
                 "control: { listen: 'tcp:0.0.0.0:0' }\nqueues: { mail: { worker: { type: inline } } }\n");
  const Ran refused = sandbox_.run({app(), "run"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("token_file"));

  start(kLoopback);
  const std::string first = port();
  {
    Client client{first};
    EXPECT_THAT(client.call("daemon.version"), HasSubstr("result"));
    EXPECT_EQ(program_->stop(), 0) << log();
  }
  start("{ listen: 'tcp:127.0.0.1:" + first + "' }");
  Client again{first};
  EXPECT_THAT(again.call("daemon.version"), HasSubstr("result"));
}

TEST_F(Controlled, ATokenIsWantedInAllProtocols) {
  sandbox_.write("token", "s3cret\n");
  ASSERT_EQ(::chmod(sandbox_.path("token").c_str(), 0600), 0);
  start("[ { address: 'tcp:127.0.0.1:0', token_file: token } ]");
  Client client{port()};
  EXPECT_THAT(client.call("worker.list"), HasSubstr("-32004"));
  EXPECT_THAT(client.call("system.authenticate", R"(["s3cret"])"), HasSubstr("true"));
  EXPECT_THAT(client.call("worker.list"), HasSubstr("consumers:mail"));
  Client wrong{port()};
  EXPECT_THAT(wrong.call("system.authenticate", R"(["s3crex"])"), HasSubstr("-32004"));
  EXPECT_TRUE(wrong.at_end());
  const auto post = [&](const std::string& header) {
    Client http{port()};
    http.send("POST / HTTP/1.1\r\n" + header +
              "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    return http.line();
  };
  EXPECT_EQ(post(""), "HTTP/1.1 401 Unauthorized");
  EXPECT_EQ(post("Authorization: Bearer s3cret\r\n"), "HTTP/1.1 200 OK");
  // The commands find the token where the server does.
  EXPECT_EQ(sandbox_.run({"worker", "list", "--control", "tcp:127.0.0.1:" + port(), "--token-file", "token"}).code, 0);
  EXPECT_EQ(sandbox_.run({"worker", "list", "--control", "tcp:127.0.0.1:" + port()}).code, 1);
}

TEST_F(Controlled, Case02_ASecondInstanceTakesNothingFromTheFirst) {
  start("{ listen: 'unix:control.sock' }");
  const Ran second = sandbox_.run({app(), "run"});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("belongs to another program that runs"));
  Client client{"unix:" + sandbox_.path("control.sock")};
  EXPECT_THAT(client.call("examples.echo", R"(["still here"])"), HasSubstr("still here"));
}

TEST_F(Controlled, Case04_WhatADeadInstanceLeftIsReplaced) {
  start("{ listen: 'unix:control.sock' }");
  ::kill(program_->pid(), SIGKILL);
  ASSERT_EQ(program_->stop(), -1);
  ASSERT_TRUE(std::filesystem::exists(sandbox_.path("control.sock")));
  start("{ listen: 'unix:control.sock' }");
  Client client{"unix:" + sandbox_.path("control.sock")};
  EXPECT_THAT(client.call("examples.echo", R"(["a"])"), HasSubstr("\"a\""));
}

TEST_F(Controlled, PythonsXmlRpcClientIsContent) {
  start(kLoopback);
  const Ran ran =
      sandbox_.run({"/usr/bin/env", "python3", std::string{CLIENTS} + "/xml_client.py", "http://127.0.0.1:" + port()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "ok\n");
}

TEST_F(Controlled, Case05_AComodojoClientIsGreetedFirstAndAnsweredInItsEnvelopes) {
  start("[ { address: 'tcp:127.0.0.1:0', protocol: comodojo }, { address: 'unix:coworker-data/control.sock' } ]");
  const auto php = [&](const std::string& type, const std::string& first, const std::string& second) {
    return sandbox_.run({"/usr/bin/env", "php", std::string{CLIENTS} + "/envelope.php", port(), type, first, second});
  };
  const Ran in_json =
      php("application/json", echo_json("grüße"), R"({"jsonrpc":"2.0","method":"examples.echo","params":["x"]})");
  EXPECT_EQ(in_json.code, 0) << in_json.err << in_json.out;
  EXPECT_EQ(in_json.out,
            "connected 1.0\ntrue {\"jsonrpc\":\"2.0\",\"result\":\"grüße\",\"id\":1}\ntrue NULL\nclosed\n");
  const Ran in_xml = php("application/xml", echo_xml("b"), echo_xml("c"));
  EXPECT_THAT(in_xml.out, StartsWith("connected 1.0\ntrue <?xml"));
  EXPECT_THAT(in_xml.out, HasSubstr("<string>c</string>"));
  // Not an envelope: told so, and the connection lives.
  Client client{port()};
  EXPECT_FALSE(client.line().empty());
  EXPECT_EQ(client.ask("nonsense"), client.ask("bm9uc2Vuc2U="));
  EXPECT_FALSE(client.ask("YTowOnt9").empty());
  client.send("\r\n");
  EXPECT_TRUE(client.at_end());
}

}  // namespace
