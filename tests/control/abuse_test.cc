#include <sys/wait.h>

#include <random>
#include <vector>

#include "running.h"

namespace {

using testing::HasSubstr;

class Abuse : public Controlled {
 protected:
  void expect_serving() {
    EXPECT_EQ(::waitpid(program_->pid(), nullptr, WNOHANG), 0) << log();
    Client client{socket()};
    EXPECT_THAT(client.call("examples.echo", R"(["fine"])"), HasSubstr("fine"));
  }
};

/// A line that is nearly right, or not at all.
std::string fuzzed_line(std::mt19937& random) {
  static const std::vector<std::string> kSeeds{
      R"({"jsonrpc":"2.0","method":"worker.status","params":["consumers:mail"],"id":1})",
      R"([{"jsonrpc":"2.0","method":"examples.echo","params":{"text":"a"},"id":"x"},{"jsonrpc":"2.0","method":"a"}])",
      "<methodCall><methodName>examples.echo</methodName><params><param><value><string>a</string></value></param>"
      "</params></methodCall>",
      "<?xml version=\"1.0\"?><methodCall><methodName>system.multicall</methodName><params><param><value><array><data>"
      "</data></array></value></param></params></methodCall>",
      "YToyOntzOjEyOiJjb250ZW50X3R5cGUiO3M6MTY6ImFwcGxpY2F0aW9uL2pzb24iO3M6NzoibWVzc2FnZSI7czoyOiJ7fSI7fQ==",
      R"({"id":9})",
  };
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random);
  };
  std::string line = kSeeds[below(kSeeds.size())];
  for (std::size_t changes = below(6); changes > 0 && !line.empty(); --changes) {
    const std::size_t at = below(line.size());
    switch (below(4)) {
      case 0:
        line[at] = static_cast<char>(below(256));
        break;
      case 1:
        line.erase(at, below(10) + 1);
        break;
      case 2:
        line.insert(at, line.substr(below(line.size()), below(20)));
        break;
      default:
        line.insert(at, 1, "{}[]\"<>/&;:,0\0\r"[below(15)]);
        break;
    }
  }
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return line;
}

TEST_F(Abuse, Case20_TenThousandFuzzedLinesLeaveItServing) {
  start("[ { address: 'unix:coworker-data/control.sock' }, { address: 'tcp:127.0.0.1:0', protocol: comodojo } ]");
  std::mt19937 random{20};
  constexpr int kLines = 10'000;
  constexpr int kOnOneConnection = 100;
  for (int sent = 0; sent < kLines; sent += kOnOneConnection) {
    const bool is_comodojo = sent % 300 == 0;
    Client client{is_comodojo ? port() : socket()};
    ASSERT_TRUE(client.connected()) << log();
    std::string lines;
    for (int i = 0; i < kOnOneConnection; ++i) lines += fuzzed_line(random) + "\n";
    // It may be refused in between: what is no request ends some connections.
    client.send(lines);
    client.line();
  }
  expect_serving();
}

TEST_F(Abuse, Case21_OneClientTooManyIsToldSoAndTheNextOneIsServed) {
  start("{ listen: 'unix:coworker-data/control.sock', max_clients: 10 }");
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 10; ++i) {
    idle.push_back(std::make_unique<Client>(socket()));
    ASSERT_THAT(idle.back()->call("daemon.version"), HasSubstr("result"));
  }
  Client refused{socket()};
  EXPECT_THAT(refused.line(), HasSubstr("too many connections: 10 are possible"));
  EXPECT_TRUE(refused.at_end());
  idle.pop_back();
  EXPECT_TRUE(eventually([&] {
    Client next{socket()};
    return next.call("daemon.version").find("result") != std::string::npos;
  }));
}

TEST_F(Abuse, Case21_HalfALineHoldsNobodyUpAndIsDroppedAfterAWhile) {
  start("{ listen: 'unix:coworker-data/control.sock', read_timeout: 300ms }");
  Client idle{socket()};
  Client half{socket()};
  ASSERT_TRUE(half.send(R"({"jsonrpc":"2.0",)"));
  Client half_frame{socket()};
  ASSERT_TRUE(half_frame.send(std::string{"\0\0\1\0{", 5}));
  Client half_head{socket()};
  ASSERT_TRUE(half_head.send("POST / HTTP/1.1\r\nContent-"));
  Client other{socket()};
  EXPECT_THAT(other.call("examples.echo", R"(["a"])"), HasSubstr("\"a\""));
  EXPECT_TRUE(half.at_end());
  EXPECT_TRUE(half_frame.at_end());
  EXPECT_TRUE(half_head.at_end());
  EXPECT_THAT(idle.call("examples.echo", R"(["idle ones may stay"])"), HasSubstr("stay"));
}

TEST_F(Abuse, UnfinishedRequestsOfAllTogetherAreBounded) {
  start("{ listen: 'unix:coworker-data/control.sock', max_request: 32M }");
  const std::string half(16 << 20, 'x');
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Client>(socket()));
    clients.back()->send(half);
  }
  EXPECT_TRUE(clients.back()->at_end());
  expect_serving();
}

TEST_F(Abuse, LongLinesAndFloodsAreBounded) {
  start("{ listen: 'unix:coworker-data/control.sock', max_request: 64K }");
  Client longer{socket()};
  longer.send(std::string(100'000, 'x'));
  EXPECT_THAT(longer.line(), HasSubstr("more than 65536 bytes"));
  EXPECT_TRUE(longer.at_end());
  Client frames{socket()};
  frames.send(std::string{"\0\x10\0\0", 4});
  frames.bytes(4);
  EXPECT_TRUE(frames.bytes(1) == "{");
  // One that asks and asks, and reads nothing.
  Client flood{socket()};
  std::string many;
  for (int i = 0; i < 200; ++i) many += "{\"jsonrpc\":\"2.0\",\"method\":\"system.listMethods\",\"id\":1}\n";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(flood.send(many.substr(0, many.size() / 4 + 1)));
  expect_serving();
}

}  // namespace
