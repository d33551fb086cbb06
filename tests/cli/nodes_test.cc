#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "channel/testing.h"
#include "program.h"

namespace {

using coworker::channel::free_port;
using testing::HasSubstr;

/// Three brokers that name each other as peers, with a store each.
class Brokers : public testing::Test {
 protected:
  void SetUp() override {
    for (int& port : ports_) port = free_port();
    for (std::size_t i = 0; i < ports_.size(); ++i) start(i);
  }

  void start(std::size_t node) {
    Sandbox::Words words{"broker", "--data", sandbox_.path("data" + std::to_string(node)), "--listen", address(node)};
    for (std::size_t peer = 0; peer < ports_.size(); ++peer) {
      if (peer != node) words.insert(words.end(), {"--peer", address(peer)});
    }
    brokers_[node] = std::make_unique<Background>(sandbox_, words);
    ASSERT_TRUE(eventually([&] { return brokers_[node]->log().find("serving") != std::string::npos; }))
        << brokers_[node]->log();
  }

  std::string address(std::size_t node) const { return "tcp:127.0.0.1:" + std::to_string(ports_[node]); }
  std::string all() const {
    std::string url = "disque://";
    for (const int port : ports_) url += (url.back() == '/' ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(port);
    return url;
  }

  std::set<std::string> jobs_at(std::size_t node) const {
    std::istringstream listed{sandbox_.run({"jobs", "--json", "--limit", "0", "--store", address(node)}).out};
    std::set<std::string> ids;
    for (std::string line; std::getline(listed, line);) ids.insert(line.substr(line.find("D-"), 40));
    return ids;
  }

  std::array<int, 3> ports_{};
  Sandbox sandbox_;
  std::array<std::unique_ptr<Background>, 3> brokers_;
};

TEST_F(Brokers, NoAcknowledgedAddOfALivingNodeIsLostWhenOneIsKilledUnderLoad) {
  // Each run of add chooses a node.
  std::set<std::string> answered;
  for (int round = 0; round < 12; ++round) {
    if (round == 4) {
      ASSERT_EQ(::kill(brokers_[0]->pid(), SIGKILL), 0);
      brokers_[0]->stop();
    }
    std::string lines;
    for (int i = 0; i < 50; ++i) lines += std::to_string(round * 50 + i) + "\n";
    const Ran added = sandbox_.run({"add", "load", "--stdin", "--ids", "--store", all()}, lines);
    EXPECT_EQ(added.code, 0) << added.err;
    std::istringstream ids{added.out};
    for (std::string id; std::getline(ids, id);) answered.insert(id);
  }
  start(0);
  std::set<std::string> stored;
  for (std::size_t node = 0; node < 3; ++node) {
    const std::set<std::string> here = jobs_at(node);
    stored.insert(here.begin(), here.end());
  }
  EXPECT_EQ(answered.size(), 600u);
  EXPECT_TRUE(std::includes(stored.begin(), stored.end(), answered.begin(), answered.end()));
}

TEST_F(Brokers, ConsumersGoOnWithTheOthersAndKnowThemFromOne) {
  sandbox_.write("coworker.yml",
                 "store: disque://127.0.0.1:" + std::to_string(ports_[0]) +
                     "\nqueues: { q: { worker: { type: command, command: [sh, -c, 'echo done >>out'] } } }\n");
  Background run{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "q", "1", "--store", address(0)}).code, 0);
  const auto done = [&](std::ptrdiff_t count) {
    return [this, count] {
      const std::string out = sandbox_.read("out");
      return std::count(out.begin(), out.end(), '\n') >= count;
    };
  };
  ASSERT_TRUE(eventually(done(1))) << run.log();
  ASSERT_EQ(::kill(brokers_[0]->pid(), SIGKILL), 0);
  brokers_[0]->stop();
  // The configuration names only the first: the others are known by its HELLO.
  for (const std::size_t node : {1u, 2u}) ASSERT_EQ(sandbox_.run({"add", "q", "2", "--store", address(node)}).code, 0);
  EXPECT_TRUE(eventually(done(2))) << run.log();
  EXPECT_EQ(run.stop(), 0);
}

TEST_F(Brokers, APeerIsAnAddressOfTcp) {
  const Ran wrong = sandbox_.run({"broker", "--data", sandbox_.path("x"), "--peer", "unix:/tmp/x"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("is not tcp:HOST:PORT"));
}

}  // namespace
