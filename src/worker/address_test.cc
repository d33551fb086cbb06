#include "worker/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::worker {
namespace {

using ::testing::ElementsAre;

TEST(Address, NamesInBracesAreReplacedAndEncoded) {
  EXPECT_THAT(placeholders_of("http://a/{app}/{queue}?x={a b}&{}={id"), ElementsAre("app", "queue"));
  EXPECT_EQ(fill_address("http://a/{app}/{queue}{none}?x={a b}", {{"app", "m/y é"}, {"queue", "{app}"}}),
            "http://a/m%2Fy%20%C3%A9/%7Bapp%7D{none}?x={a b}");
}

TEST(Address, AFormHoldsBothTexts) {
  EXPECT_EQ(form_of(R"({"a":1})", "{}"), "body=%7B%22a%22%3A1%7D&metadata=%7B%7D");
}

TEST(Address, AQueryIsAddedWhereOneBelongs) {
  EXPECT_EQ(with_query("http://a", "b=c"), "http://a?b=c");
  EXPECT_EQ(with_query("http://a/?x=y#z", "b=c"), "http://a/?x=y&b=c#z");
  EXPECT_EQ(with_query("http://a/?", "b=c"), "http://a/?b=c");
  EXPECT_EQ(with_query("http://a/#?", "b=c"), "http://a/?b=c#?");
}

TEST(Address, LogsHoldNoSecrets) {
  EXPECT_EQ(without_secrets("https://me:pw@a/b@c?token=x#y"), "https://a/b@c");
  EXPECT_EQ(without_secrets("https://a:1/b"), "https://a:1/b");
  EXPECT_EQ(without_secrets("https://a:1/b@c"), "https://a:1/b@c");
  EXPECT_EQ(without_secrets("https://[::1]/b@c"), "https://[::1]/b@c");
  EXPECT_EQ(without_secrets("https://me:p/w?x#y@a/b"), "https://a/b");
  EXPECT_EQ(without_secrets("me:pw@a/b"), "a/b");
}

}  // namespace
}  // namespace coworker::worker
