#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "store/disque/remote_store_fixture.h"

namespace coworker::store::disque {
namespace {

using ClaimLanesTest = RemoteStoreTest;

TEST_F(ClaimLanesTest, AWaitingClaimDoesNotHoldUpOtherCommandsAndIsCancelledAtTheBroker) {
  ScriptedServer* self = nullptr;
  ScriptedServer server{[&](const Words& words) -> std::string {
    if (words[0] == "CW.HELLO") return broker_hello("fencing cancel");
    if (words[0] == "CW.ADD") return "*2\r\n" + bulk("created") + bulk(kId);
    if (words[0] == "CW.CANCEL") {
      EXPECT_EQ(words[1], "s1");
      return ":1\r\n";
    }
    // The script must not block; an unanswered claim is one whose reply is empty.
    return "";
  }};
  self = &server;
  bool claim_answered = false;  // outlives the store, which answers at its end
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  (*store)->apply(blocking(9), [&](const Result<job::Answer>&) { claim_answered = true; });
  EXPECT_TRUE(apply(**store, add("1")));
  EXPECT_FALSE(claim_answered);
  run_until([&] { return self->connections() == 2; });

  // Before the claim was sent it is cancelled here, after it at the broker; both answer done.
  const auto cancel = apply(**store, job::CancelClaim{9});
  ASSERT_TRUE(cancel);
  EXPECT_EQ(std::get<job::Statuses>(*cancel).each, std::vector{job::Status::done});
  EXPECT_EQ(std::get<job::Statuses>(*apply(**store, job::CancelClaim{10})).each, std::vector{job::Status::not_found});
}

TEST_F(ClaimLanesTest, WhereClaimsCannotBeCancelledTheyWaitInSlices) {
  std::atomic<int> slices{0};
  ScriptedServer server{[&](const Words& words) -> std::string {
    if (words[0] == "CW.HELLO") return broker_hello("");
    if (words[0] != "CW.CLAIM") return "-ERR\r\n";
    EXPECT_EQ(words[2], "2");
    if (++slices == 3) return "*1\r\n" + delivery("body");
    const auto begun = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begun < std::chrono::milliseconds{2}) {
    }
    return "*-1\r\n";
  }};
  slice_ = Millis{2};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  const auto claimed = apply(**store, blocking(1));
  ASSERT_TRUE(claimed) << claimed.error().message();
  EXPECT_EQ(std::get<job::Claimed>(*claimed).jobs.size(), 1u);
  EXPECT_EQ(slices, 3);
}

TEST_F(ClaimLanesTest, AClaimThatMayGetOneOnlyAsksForOneWhileItWaits) {
  std::vector<std::string> counts;
  ScriptedServer server{[&](const Words& words) -> std::string {
    if (words[0] == "CW.HELLO") return broker_hello("cancel");
    counts.push_back(words[1] + " " + words[2]);
    return counts.size() == 1 ? "*-1\r\n" : "*1\r\n" + delivery("x");
  }};
  auto store = open({server.address()});
  ASSERT_TRUE(store);
  EXPECT_TRUE(apply(**store, blocking(1, 10, false)));
  EXPECT_EQ(counts, (std::vector<std::string>{"10 -1", "1 0"}));
}

}  // namespace
}  // namespace coworker::store::disque
