#include "civi/web_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace coworker::civi {
namespace {

namespace json = boost::json;
using Kind = Reply::Kind;
using testing::AllOf;
using testing::HasSubstr;

WebAddress site(const std::string& text = "https://u:p@host/civicrm/queue") {
  return *parse_web_address(text);
}

TEST(WebApi, ARequestIsAFormThatNoOtherSiteCanForge) {
  const auto request = api_request(site(), "Queue", "claimItems", {{"queue", "a&b=é"}});
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://host/civicrm/ajax/api4/Queue/claimItems");
  EXPECT_EQ(request.body, "params=%7B%22queue%22%3A%22a%26b%3D%C3%A9%22%7D");
  EXPECT_EQ(request.headers.at("X-Requested-With"), "XMLHttpRequest");
  EXPECT_EQ(request.headers.at("Content-Type"), "application/x-www-form-urlencoded");
}

TEST(WebApi, CredentialsGoWhereTheSiteLooksForThem) {
  const auto password = api_request(site(), "Queue", "get", {}).headers;
  EXPECT_EQ(password.at("Authorization"), "Basic dTpw");
  EXPECT_EQ(password.at("X-Civi-Auth"), "Basic dTpw");
  const auto token = api_request(site("https://host/?token=T"), "Queue", "get", {}).headers;
  EXPECT_FALSE(token.contains("Authorization"));
  EXPECT_EQ(token.at("X-Civi-Auth"), "Bearer T");
  const auto both = api_request(site("https://user:pass1@host/?token=T"), "Queue", "get", {}).headers;
  EXPECT_EQ(both.at("Authorization"), "Basic dXNlcjpwYXNzMQ==");
  EXPECT_EQ(both.at("X-Civi-Auth"), "Bearer T");
  EXPECT_FALSE(api_request(site("https://host/"), "Queue", "get", {}).headers.contains("X-Civi-Auth"));
}

TEST(WebApi, JsonRpcGoesToTheAddressItself) {
  const auto request = rpc_request(site("https://host/rpc?a=b&token=T"), 7, "api4", {"Queue", "get", json::object{}});
  EXPECT_EQ(request.url, "https://host/rpc?a=b");
  EXPECT_EQ(request.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(request.headers.at("Authorization"), "Bearer T");
  EXPECT_EQ(json::parse(request.body),
            json::parse(R"({"jsonrpc":"2.0","method":"api4","params":["Queue","get",{}],"id":7})"));
}

struct AnswerCase {
  const char* name;
  long status;
  const char* body;
  Kind kind;
  Errc code;
  const char* says;
  bool is_api = false;
};

class ApiAnswers : public testing::TestWithParam<AnswerCase> {};

TEST_P(ApiAnswers, Mean) {
  const AnswerCase& want = GetParam();
  worker::HttpResponse response;
  response.status = want.status;
  response.body = want.body;
  response.content_type = "text/html";
  response.location = "https://u:secret@other/login?x=y";
  response.sent = true;
  const WebAnswer answer = api_answer(response, site());
  EXPECT_EQ(answer.reply.kind, want.kind);
  EXPECT_EQ(answer.is_api, want.is_api);
  if (want.kind == Kind::answered) {
    EXPECT_EQ(json::serialize(answer.reply.values), want.says);
  } else {
    EXPECT_EQ(answer.reply.code, want.code);
    EXPECT_THAT(answer.reply.reason, HasSubstr(want.says));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ApiAnswers,
    testing::Values(
        AnswerCase{"Values", 200, R"({"values":[{"id":"7"}],"count":1})", Kind::answered, {}, R"([{"id":"7"}])", true},
        AnswerCase{
            "NoiseBefore", 200, "<b>Notice</b>: {\"x\n{\"values\":[],\"count\":0}", Kind::answered, {}, "[]", true},
        AnswerCase{"NoiseAfter", 200, "{\"values\":[1]}\n<!-- 0.2 s {\"x\": -->", Kind::answered, {}, "[1]", true},
        AnswerCase{"NoiseBeforeWithBlanks", 200, "a {b} c { \n\"values\" : [ 1 ] }\n", Kind::answered, {}, "[1]", true},
        AnswerCase{"AByteOrderMark", 200, "\xEF\xBB\xBF{\"values\":[]}", Kind::answered, {}, "[]", true},
        AnswerCase{"ErrorOfTheApi", 500, R"({"error_code":0,"error_message":"no such queue","status":500})",
                   Kind::refused, Errc::invalid_argument, "no such queue", true},
        AnswerCase{"ErrorWithACode", 404, R"({"error_code":"not-found","error_message":"Api zz"})", Kind::refused,
                   Errc::not_found, "Api zz (not-found)", true},
        AnswerCase{"MayNot", 403, R"({"error_code":"unauthorized","error_message":"Authorization failed"})",
                   Kind::unsent, Errc::denied, "'administer queues'", true},
        AnswerCase{"WrongCredential", 401, "HTTP 401 Invalid credential", Kind::unsent, Errc::denied,
                   "the credential is not accepted (status 401: HTTP 401 Invalid credential)"},
        AnswerCase{"MissingHeader", 400, "", Kind::unsent, Errc::unavailable, "status 400"},
        AnswerCase{"NotThere", 404, "<h1>nothing</h1>", Kind::unsent, Errc::unavailable, "status 404: no CiviCRM"},
        AnswerCase{"TimeOfTheServer", 408, "", Kind::lost, Errc::unavailable, "status 408"},
        AnswerCase{"Redirect", 302, "", Kind::unsent, Errc::invalid_argument, "sends us on to https://other/login "},
        AnswerCase{"PhpIsGone", 502, "<h1>Bad</h1>", Kind::lost, Errc::unavailable, "lost PHP: <h1>Bad</h1>"},
        AnswerCase{"Maintenance", 503, "", Kind::lost, Errc::unavailable, "in maintenance"},
        AnswerCase{"TooSlowForTheServer", 504, "", Kind::lost, Errc::unavailable, "does not wait that long"},
        AnswerCase{"LoginPage", 200, "<html>\nplease log in", Kind::lost, Errc::corrupt,
                   "not the API's (status 200, text/html): <html> please log in"},
        AnswerCase{"HalfAnObject", 200, R"({"values":[{"id")", Kind::lost, Errc::corrupt, "not the API's"},
        AnswerCase{"AnotherObject", 200, R"({"hello":1})", Kind::lost, Errc::corrupt, "not the API's"},
        AnswerCase{"AList", 200, "[1]", Kind::lost, Errc::corrupt, "not the API's"},
        AnswerCase{"Empty", 200, "", Kind::lost, Errc::corrupt, "it is empty"}),
    [](const auto& row) { return row.param.name; });

TEST(WebApi, NoiseIsWhatStandsAround) {
  const auto noise = [](const char* body) {
    worker::HttpResponse response;
    response.status = 200;
    response.body = body;
    return api_answer(response, site()).noise;
  };
  EXPECT_EQ(noise("before\n{\"values\":[]}after"), "before\n\nafter");
  EXPECT_EQ(noise("\xEF\xBB\xBF{\"values\":[]}"), "\n");
}

TEST(WebApi, WhatDidNotLeaveWasNotDone) {
  worker::HttpResponse response;
  response.error = "Connection refused";
  EXPECT_EQ(api_answer(response, site()).reply.kind, Kind::unsent);
  response.sent = true;
  EXPECT_EQ(api_answer(response, site()).reply.kind, Kind::lost);
  worker::HttpResponse endless;
  endless.too_long = true;
  EXPECT_EQ(api_answer(endless, site()).reply.kind, Kind::lost);
}

TEST(WebApi, AnswersOfJsonRpc) {
  const auto answer = [](const char* body) {
    worker::HttpResponse response;
    response.status = 200;
    response.body = body;
    return rpc_answer(response, site(), 7);
  };
  EXPECT_EQ(json::serialize(answer(R"({"jsonrpc":"2.0","result":[1],"id":7})").reply.values), "[1]");
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","result":[1],"id":8})").reply.kind, Kind::lost);
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","error":{"code":-32099,"message":"no"},"id":7})").reply.kind, Kind::refused);
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","error":{"code":-32099,"message":"Authorization failed"},"id":7})").reply.code,
            Errc::denied);
  EXPECT_EQ(answer(R"({"values":[]})").reply.kind, Kind::lost);
  EXPECT_FALSE(answer("<html>").is_api);
}

struct RepeatCase {
  const char* name;
  long status;
  const char* error;
  bool sent;
  bool read_again;
  bool write_again;
};

class Repeating : public testing::TestWithParam<RepeatCase> {};

TEST_P(Repeating, IsSafe) {
  const RepeatCase& want = GetParam();
  worker::HttpResponse response;
  response.status = want.status;
  response.error = want.error;
  response.sent = want.sent;
  if (want.status == 500) response.body = R"({"error_message":"no"})";
  const Reply reply = api_answer(response, site()).reply;
  EXPECT_EQ(may_repeat(response, reply, true), want.read_again);
  EXPECT_EQ(may_repeat(response, reply, false), want.write_again);
}

INSTANTIATE_TEST_SUITE_P(Table, Repeating,
                         testing::Values(RepeatCase{"NotConnected", 0, "refused", false, true, true},
                                         RepeatCase{"LostOnTheWay", 0, "reset", true, true, false},
                                         RepeatCase{"HalfAnAnswer", 200, "transfer closed", true, true, false},
                                         RepeatCase{"AskedToWait", 429, "", true, true, true},
                                         RepeatCase{"PhpIsGone", 502, "", true, true, false},
                                         RepeatCase{"Maintenance", 503, "", true, true, false},
                                         RepeatCase{"TheApiSaysNo", 500, "", true, false, false},
                                         RepeatCase{"WrongCredential", 401, "", true, false, false},
                                         RepeatCase{"NotThere", 404, "", true, false, false},
                                         RepeatCase{"Redirect", 301, "", true, false, false}),
                         [](const auto& row) { return row.param.name; });

struct RestCase {
  const char* name;
  long status;
  Seconds asked;
  Seconds want;
};

class Rest : public testing::TestWithParam<RestCase> {};

TEST_P(Rest, IsWhatTheServerAsksForWithinBounds) {
  worker::HttpResponse response;
  response.status = GetParam().status;
  response.retry_after = GetParam().asked;
  EXPECT_EQ(asked_pause(response), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Table, Rest,
                         testing::Values(RestCase{"TooManyRequests", 429, Seconds{7}, Seconds{7}},
                                         RestCase{"Maintenance", 503, Seconds{120}, Seconds{120}},
                                         RestCase{"ADateYearsAhead", 503, Seconds{100'000'000}, Seconds{300}},
                                         RestCase{"NotOfARedirect", 301, Seconds{7}, Seconds{0}}),
                         [](const auto& row) { return row.param.name; });

TEST(WebApi, AServerThatAsksForRestIsQuoted) {
  worker::HttpResponse response;
  response.status = 503;
  response.sent = true;
  EXPECT_EQ(asked_pause(response), Millis{0});
  response.retry_after = Seconds{120};
  response.proxy = "http://p:1 (http_proxy)";
  EXPECT_THAT(api_answer(response, site()).reply.reason,
              AllOf(HasSubstr("to be left alone for 120 s"), HasSubstr("by way of the proxy http://p:1 (http_proxy)")));
}

TEST(WebApi, AProxyThatWantsALoginIsNotAskedAgain) {
  worker::HttpResponse response;
  response.error = "the proxy wants to know who we are";
  response.in_vain = true;
  const Reply reply = api_answer(response, site()).reply;
  EXPECT_EQ(reply.kind, Kind::unsent);
  EXPECT_FALSE(may_repeat(response, reply, true));
  response.sent = true;
  EXPECT_EQ(api_answer(response, site()).reply.kind, Kind::lost);
}

TEST(WebApi, OnlyReadsByTheirName) {
  EXPECT_TRUE(only_reads("get"));
  EXPECT_TRUE(only_reads("getFields"));
  EXPECT_FALSE(only_reads("claimItems"));
  EXPECT_FALSE(only_reads("runItems"));
}

}  // namespace
}  // namespace coworker::civi
