#include "store/disque/nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::store::disque {
namespace {

using channel::Address;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

Address tcp(std::uint16_t port) {
  return {Address::Kind::tcp, {}, "10.0.0.1", port};
}

std::string node_id(char digit) {
  return std::string(40, digit);
}

job::JobId made_by(char digit) {
  return job::parse_id("D-" + std::string(8, digit) + "-AAAAAAAAAAAAAAAAAAAAAAAA-05a1").value();
}

/// At `port`, with peers at 1, 2 and 3 whose ids are made of 'a', 'b' and 'c'.
Hello hello_of(char digit, int priority_of_a = 1, int priority_of_b = 1) {
  Hello hello;
  hello.id = node_id(digit);
  hello.peers = {{node_id('a'), "10.0.0.1", 1, priority_of_a},
                 {node_id('b'), "10.0.0.1", 2, priority_of_b},
                 {node_id('c'), "10.0.0.1", 3, 1}};
  return hello;
}

class NodesInUse : public testing::Test {
 protected:
  void SetUp() override {
    nodes_.use(tcp(1));
    nodes_.learn(hello_of('a'));
  }
  void receive(char digit, int jobs) {
    for (int i = 0; i < jobs; ++i) nodes_.count(made_by(digit));
  }

  Nodes nodes_{{tcp(1), tcp(2)}, 7};
};

TEST_F(NodesInUse, NothingReceivedKeepsTheNode) {
  EXPECT_EQ(nodes_.better(), std::nullopt);
}

TEST_F(NodesInUse, ATieKeepsTheNode) {
  receive('a', 20);
  receive('b', 20);
  EXPECT_EQ(nodes_.better(), std::nullopt);
  receive('b', 1);
  EXPECT_EQ(nodes_.better(), std::nullopt) << "within the bonus of five per cent";
  receive('b', 1);
  EXPECT_EQ(nodes_.better(), tcp(2));
}

TEST_F(NodesInUse, ANodeThatOnlyHelloNamedIsUsed) {
  receive('b', 1);
  receive('c', 2);
  EXPECT_EQ(nodes_.better(), tcp(3));
}

TEST_F(NodesInUse, CountsBeginAnewWithEachNode) {
  receive('b', 10);
  nodes_.use(tcp(2));
  nodes_.learn(hello_of('b'));
  EXPECT_EQ(nodes_.better(), std::nullopt);
  receive('a', 1);
  EXPECT_EQ(nodes_.better(), tcp(1));
}

TEST_F(NodesInUse, PriorityWeighsAndTenIsNotChosen) {
  nodes_.learn(hello_of('a', 1, 9));  // weight of 9: 0.51
  receive('a', 10);
  receive('b', 20);
  EXPECT_EQ(nodes_.better(), std::nullopt);
  receive('b', 2);
  EXPECT_EQ(nodes_.better(), tcp(2));
  nodes_.learn(hello_of('a', 1, 10));
  EXPECT_EQ(nodes_.better(), std::nullopt);
}

TEST_F(NodesInUse, ALeavingNodeIsLeftAndTriedLast) {
  EXPECT_FALSE(nodes_.should_leave());
  nodes_.learn(hello_of('a', 100));
  EXPECT_TRUE(nodes_.should_leave());
  nodes_.lost();
  EXPECT_EQ(nodes_.candidates().back(), tcp(1));
}

TEST_F(NodesInUse, ALostNodeIsTriedAfterTheOthers) {
  nodes_.lost();
  const std::vector<Address> order = nodes_.candidates();
  EXPECT_THAT(order, UnorderedElementsAre(tcp(1), tcp(2), tcp(3)));
  EXPECT_EQ(order.back(), tcp(1));
}

TEST(Nodes, TheOnlyNodeIsNotLeft) {
  Nodes nodes{{tcp(1)}, 7};
  nodes.use(tcp(1));
  Hello hello;
  hello.id = node_id('a');
  hello.peers = {{node_id('a'), "", 1, 100}};
  nodes.learn(hello);
  EXPECT_FALSE(nodes.should_leave());
  EXPECT_THAT(nodes.candidates(), ElementsAre(tcp(1)));
}

TEST(Nodes, APeerWithoutAnAddressIsNotDialled) {
  Nodes nodes{{tcp(1)}, 7};
  nodes.use(tcp(1));
  Hello hello;
  hello.id = node_id('a');
  hello.peers = {{node_id('a'), "", 0, 1}, {node_id('b'), "", 0, 1}};
  nodes.learn(hello);
  EXPECT_THAT(nodes.candidates(), ElementsAre(tcp(1)));
}

}  // namespace
}  // namespace coworker::store::disque
