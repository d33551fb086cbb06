#include "civi/pipe_conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::civi {
namespace {

using ::testing::HasSubstr;
using worker::Heard;
using Kind = Heard::Kind;

const std::string kGreeting = R"({"Civi::pipe":{"v":"5.81.0","t":"trusted","l":["login"]}})";
const std::string kPrefix = "\x01\x01";

worker::Job job(std::string body = R"(["Queue","get",{}])") {
  worker::Job one;
  one.id = "mail/5";
  one.body = std::move(body);
  return one;
}

/// A conversation with a site that plays the server's part by hand.
class PipeConversationTest : public ::testing::Test {
 protected:
  /// Up to the first job; `options` is what the site says of ours.
  void settle(const std::string& options =
                  R"({"responsePrefix":"\u0001\u0001","apiCheckPermissions":false,"bufferSize":524288})") {
    EXPECT_THAT(talk_.hear(kGreeting).send, HasSubstr("\"options\""));
    EXPECT_EQ(talk_.hear(kPrefix + answer(1, options)).kind, Kind::nothing);
    EXPECT_TRUE(talk_.is_ready());
  }
  static std::string answer(int id, const std::string& result) {
    return R"({"jsonrpc":"2.0","result":)" + result + R"(,"id":)" + std::to_string(id) + "}";
  }
  static std::string error(int code, const std::string& message, const std::string& id) {
    return R"({"jsonrpc":"2.0","error":{"code":)" + std::to_string(code) + R"(,"message":")" + message +
           R"(","data":null})" + id + "}";
  }
  std::string ask() { return talk_.request(job()).value(); }

  std::shared_ptr<std::optional<Greeting>> greeted_ = std::make_shared<std::optional<Greeting>>();
  PipeConversation talk_{{}, {}, greeted_};
};

TEST_F(PipeConversationTest, Case01_TheUsualGreetingIsTakenAndRemembered) {
  EXPECT_FALSE(talk_.is_ready());
  EXPECT_EQ(talk_.greeting(), "");
  EXPECT_EQ(talk_.hear(kGreeting).send,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"options\",\"params\":{\"responsePrefix\":\"\\u0001\\u0001\","
            "\"apiCheckPermissions\":false,\"bufferSize\":4194304}}\n");
  ASSERT_TRUE(*greeted_);
  EXPECT_EQ((*greeted_)->version, "5.81.0");
  EXPECT_TRUE((*greeted_)->is_trusted);
  EXPECT_TRUE((*greeted_)->can_log_in);
}

TEST_F(PipeConversationTest, Case02_AnUntrustedSessionIsRefused) {
  const Heard heard = talk_.hear(R"({"Civi::pipe":{"u":"untrusted","x":null,"v":"5.81.0"}})");
  EXPECT_EQ(heard.kind, Kind::garbage);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("does not trust us"));
}

TEST_F(PipeConversationTest, Case03_ASessionWithoutTrustIsRefused) {
  const Heard heard = talk_.hear(R"({"Civi::pipe":{"v":"5.81.0","j":["jsonrpc-2.0"]}})");
  EXPECT_EQ(heard.kind, Kind::garbage);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("does not trust us"));
}

class Generations : public ::testing::TestWithParam<const char*> {};
TEST_P(Generations, Case05_OlderOnesAreNamedAsUnsupported) {
  PipeConversation talk{{}, {}};
  const Heard heard = talk.hear(GetParam());
  EXPECT_EQ(heard.kind, Kind::garbage);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("unsupported protocol generation"));
}
INSTANTIATE_TEST_SUITE_P(Table, Generations,
                         ::testing::Values(R"(["Civi::pipe","5.50.1"])", R"({"Civi::pipe":"0.1"})",
                                           R"({"Civi::pipe":["json"]})", R"({"Civi::pipe":["jsonrpc20"]})"));

class Versions : public ::testing::TestWithParam<const char*> {};
TEST_P(Versions, Case06_OldOrMissingOnesAreRefused) {
  PipeConversation talk{{}, {}};
  const Heard heard = talk.hear(GetParam());
  EXPECT_EQ(heard.kind, Kind::garbage);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("version"));
}
INSTANTIATE_TEST_SUITE_P(Table, Versions,
                         ::testing::Values(R"({"Civi::pipe":{"v":"5.50.1","t":"trusted"}})",
                                           R"({"Civi::pipe":{"t":"trusted","l":["login"]}})", R"({"Civi::pipe":null})",
                                           R"({"Civi::pipe":{"v":"5.51.dev","t":"trusted"}})"));

TEST_F(PipeConversationTest, Case07_NoiseBeforeTheGreetingIsSkippedAndKeptForTheReason) {
  EXPECT_EQ(talk_.hear("Deprecated: something in a theme").kind, Kind::report);
  EXPECT_EQ(talk_.hear("").kind, Kind::nothing);
  EXPECT_THAT(talk_.hear("no end of line " + kGreeting).send, HasSubstr("options"));
  EXPECT_THAT(talk_.not_understood(), HasSubstr("Deprecated: something"));
}

TEST_F(PipeConversationTest, Case09_TheAnswerOfOurIdIsTheResult) {
  settle();
  EXPECT_EQ(ask(), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"api4\",\"params\":[\"Queue\",\"get\",{}]}\n");
  const Heard heard = talk_.hear(kPrefix + answer(2, R"(["x\/y",{"a":1}])"));
  EXPECT_EQ(heard.kind, Kind::answer);
  EXPECT_EQ(heard.outcome.result, R"(["x\/y",{"a":1}])");
}

TEST_F(PipeConversationTest, Case11_AnAnswerWithoutIdBelongsToNobodyAndBreaksTheConnection) {
  settle();
  ask();
  EXPECT_EQ(talk_.hear(kPrefix + R"({"jsonrpc":"2.0","result":["x"]})").kind, Kind::garbage);
}

class ForeignIds : public ::testing::TestWithParam<const char*> {};
TEST_P(ForeignIds, Case12_AnAnswerToAnotherIdBreaksTheConnection) {
  PipeConversation talk{{}, {}};
  talk.hear(kGreeting);
  talk.hear(kPrefix + R"({"jsonrpc":"2.0","result":{"responsePrefix":"\u0001\u0001"},"id":1})");
  ASSERT_TRUE(talk.request(job()));
  EXPECT_EQ(talk.hear(kPrefix + R"({"jsonrpc":"2.0","result":[],"id":)" + GetParam() + "}").kind, Kind::garbage);
}
INSTANTIATE_TEST_SUITE_P(Table, ForeignIds,
                         ::testing::Values("null", "0", "1", "3", "\"2\"", "\"x\\/y\"", "2.5", "true", "[1,2]"));

TEST_F(PipeConversationTest, Case13_WhatWeSayIsOneLineWithAnIdAndNeverEmpty) {
  const std::string options = talk_.hear(kGreeting).send;
  talk_.hear(answer(1, R"({"responsePrefix":"\u0001\u0001"})"));
  for (const std::string& line : {options, ask()}) {
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_THAT(line, HasSubstr("\"id\":"));
    EXPECT_EQ(line.front(), '{');
  }
}

TEST_F(PipeConversationTest, Case17_AParseErrorWithoutIdBelongsToWhatIsOpen) {
  settle();
  ask();
  const Heard heard = talk_.hear(kPrefix + error(-32700, "Parse error", ""));
  EXPECT_EQ(heard.kind, Kind::answer);
  EXPECT_EQ(heard.outcome.kind, worker::Outcome::Kind::failed);
  EXPECT_EQ(heard.outcome.reason, "Parse error");
}

TEST_F(PipeConversationTest, Case18_AnInvalidRequestWithoutIdBelongsToWhatIsOpen) {
  settle();
  ask();
  EXPECT_EQ(talk_.hear(kPrefix + error(-32600, "Invalid Request", "")).kind, Kind::answer);
}

TEST_F(PipeConversationTest, Case19_AnAnswerOfAnotherProtocolBreaksTheConnection) {
  settle();
  ask();
  EXPECT_EQ(talk_.hear(kPrefix + R"({"jsonrpc":"1.0","error":{"code":-32600,"message":"x"},"id":2})").kind,
            Kind::garbage);
}

TEST_F(PipeConversationTest, Case20_AnyOtherErrorWithoutIdBreaksTheConnection) {
  settle();
  ask();
  EXPECT_EQ(talk_.hear(kPrefix + error(-32099, "who knows whose", "")).kind, Kind::garbage);
}

TEST_F(PipeConversationTest, Case21_AnErrorFailsItsRequestAndTheSessionGoesOn) {
  settle();
  ask();
  EXPECT_EQ(talk_.hear(kPrefix + error(-32601, "Method not found", R"(,"id":2)")).outcome.reason, "Method not found");
  EXPECT_THAT(ask(), HasSubstr("\"id\":3"));
  EXPECT_EQ(talk_.hear(kPrefix + answer(3, "[]")).outcome.kind, worker::Outcome::Kind::ok);
}

TEST_F(PipeConversationTest, Case23_AListOfAnswersIsNoneOfOurs) {
  settle();
  ask();
  EXPECT_EQ(talk_.hear(kPrefix + "[" + answer(2, "[]") + "]").kind, Kind::garbage);
}

TEST_F(PipeConversationTest, Case25_ALineOfTheBufferSizeIsSentAndALongerOneIsNot) {
  settle();
  const std::size_t frame = ask().size() - 1 - job().body.size();
  talk_.hear(kPrefix + answer(2, "[]"));
  const std::string most(524'288 - frame - 2, 'x');
  Result<std::string> line = talk_.request(job("\"" + most + "\""));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->size() - 1, 524'288u);
  talk_.hear(kPrefix + answer(3, "[]"));
  const Result<std::string> longer = talk_.request(job("\"" + most + "x\""));
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().message(), HasSubstr("524289 bytes"));
  EXPECT_TRUE(talk_.request(job()));
}

TEST_F(PipeConversationTest, Case26_ALargerBufferIsNegotiated) {
  settle(R"({"responsePrefix":"\u0001\u0001","bufferSize":"2000000"})");
  EXPECT_TRUE(talk_.request(job("\"" + std::string(1'500'000, 'x') + "\"")));
}

TEST_F(PipeConversationTest, Case28_TheAnswerToTheOptionsMayCarryThePrefixOrNot) {
  talk_.hear(kGreeting);
  EXPECT_EQ(talk_.hear(answer(1, R"({"responsePrefix":"\u0001\u0001"})")).kind, Kind::nothing);
  EXPECT_TRUE(talk_.is_ready());
}

TEST_F(PipeConversationTest, Case29_NoiseBeforeThePrefixIsReportedAndTheAnswerIsWhole) {
  settle();
  ask();
  const Heard line = talk_.hear("PHP Warning: a whole line");
  EXPECT_EQ(line.kind, Kind::report);
  EXPECT_EQ(line.report.text, "PHP Warning: a whole line");
  const Heard heard = talk_.hear("glued {\"jsonrpc\":" + kPrefix + "more" + kPrefix + answer(2, "[7]"));
  EXPECT_EQ(heard.kind, Kind::answer);
  EXPECT_EQ(heard.outcome.result, "[7]");
  EXPECT_THAT(heard.report.text, HasSubstr("glued"));
}

TEST_F(PipeConversationTest, Case30_WithoutAPrefixNoiseIsNeverTakenForTheAnswer) {
  settle(R"({"bufferSize":524288})");
  ask();
  EXPECT_EQ(talk_.hear("Notice: undefined index").kind, Kind::report);
  EXPECT_EQ(talk_.hear(R"({"looks":"like JSON"})").kind, Kind::report);
  EXPECT_EQ(talk_.hear("glued" + answer(2, "[1]")).outcome.result, "[1]");
  ask();
  EXPECT_EQ(talk_.hear(answer(2, "[1]")).kind, Kind::garbage) << "a late answer is not that of the next request";
}

TEST_F(PipeConversationTest, Case33_AnAnswerThatCouldNotBeEncodedFailsThatRequestOnly) {
  settle();
  ask();
  const Heard heard = talk_.hear(kPrefix);
  EXPECT_EQ(heard.kind, Kind::answer);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("could not encode"));
  EXPECT_EQ(talk_.hear(kPrefix).kind, Kind::nothing);
  ask();
  EXPECT_EQ(talk_.hear(kPrefix + answer(3, "[]")).outcome.kind, worker::Outcome::Kind::ok);
}

TEST(PipeConversationAs, Case34_AContactLogsInBeforeItsFirstTask) {
  PipeConversation talk{{}, {1, 3}};
  talk.hear(kGreeting);
  const Heard options = talk.hear(kPrefix + R"({"jsonrpc":"2.0","result":{"responsePrefix":"\u0001\u0001"},"id":1})");
  EXPECT_EQ(
      options.send,
      "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"login\",\"params\":{\"contactId\":\"3\",\"domainId\":\"1\"}}\n");
  EXPECT_FALSE(talk.is_ready());
  EXPECT_EQ(talk.hear(kPrefix + R"({"jsonrpc":"2.0","result":{"contactId":3,"userId":null},"id":2})").kind,
            Kind::nothing);
  EXPECT_TRUE(talk.is_ready());
  EXPECT_EQ(talk.requests_before(), 1u);
}

TEST(PipeConversationAs, Case34_ALoginThatIsRefusedServesNobody) {
  PipeConversation talk{{}, {1, 4}};
  talk.hear(kGreeting);
  talk.hear(kPrefix + R"({"jsonrpc":"2.0","result":{"responsePrefix":"\u0001\u0001"},"id":1})");
  const Heard heard =
      talk.hear(kPrefix + R"({"jsonrpc":"2.0","error":{"code":-32099,"message":"Cannot login","data":null},"id":2})");
  EXPECT_EQ(heard.kind, Kind::refusal);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("contact 4"));
  EXPECT_FALSE(talk.is_ready());
}

TEST(PipeConversationAs, Case34_ASiteWithoutLoginServesNobodyElse) {
  PipeConversation talk{{}, {1, 4}};
  const Heard heard = talk.hear(R"({"Civi::pipe":{"v":"5.81.0","t":"trusted","l":["nologin"]}})");
  EXPECT_EQ(heard.kind, Kind::refusal);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("AuthX"));
}

TEST_F(PipeConversationTest, WhatNobodyAskedForBreaksTheConnection) {
  settle();
  EXPECT_EQ(talk_.hear(kPrefix + answer(2, "[]")).kind, Kind::garbage);
}

TEST_F(PipeConversationTest, RefusedOptionsAreTheEnd) {
  talk_.hear(kGreeting);
  const Heard heard = talk_.hear(error(-32099, "no options for you", R"(,"id":1)"));
  EXPECT_EQ(heard.kind, Kind::garbage);
  EXPECT_THAT(heard.outcome.reason, HasSubstr("no options for you"));
}

TEST_F(PipeConversationTest, UnknownMembersOfTheGreetingAreIgnored) {
  EXPECT_THAT(talk_.hear(R"({"Civi::pipe":{"d":"mock","v":"5.51.alpha1","t":"trusted","l":"login","z":[1]}})").send,
              HasSubstr("options"));
  EXPECT_TRUE((*greeted_)->can_log_in);
}

}  // namespace
}  // namespace coworker::civi
