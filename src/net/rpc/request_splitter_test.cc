#include "net/rpc/request_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/rpc/php.h"

namespace coworker::net::rpc {
namespace {

/// What was cut out, written down.
std::string split(const std::vector<std::string>& parts, std::size_t most = 1'000, bool only_lines = false) {
  RequestSplitter splitter{most, only_lines};
  std::string out;
  for (const std::string& part : parts) {
    splitter.append(part);
    while (std::optional<Request> request = splitter.next()) {
      constexpr const char* kNames[] = {"line", "frame", "http"};
      out += std::string{kNames[static_cast<int>(request->framing)]} + "(" + request->http.document + ")";
      if (request->http.refusal != 0) out += " refused " + std::to_string(request->http.refusal);
      out += request->is_last ? " last; " : "; ";
    }
  }
  return out;
}

const std::string kPost =
    "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: 3\r\n\r\n<a>";
const std::string kChunked =
    "POST / HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";

TEST(RequestSplitter, EveryRequestShowsHowItCame) {
  const std::string all = "{\"a\":1}\r\n" + std::string{"\0\0\0\3[1]", 7} + kPost + "<x/>\n" + kChunked + "\n";
  const std::string want = "line({\"a\":1}); frame([1]); http(<a>); line(<x/>); http({}); line(); ";
  EXPECT_EQ(split({all}), want);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    EXPECT_EQ(split({all.substr(0, cut), all.substr(cut)}), want) << cut;
  }
}

TEST(RequestSplitter, WhatIsTooLongIsRefusedAndTheLast) {
  EXPECT_EQ(split({std::string(11, 'x')}, 10), "line() refused 413 last; ");
  EXPECT_EQ(split({std::string(11, 'x') + "\n"}, 10), "line() refused 413 last; ");
  EXPECT_EQ(split({std::string(10, 'x') + "\n"}, 10), "line(xxxxxxxxxx); ");
  EXPECT_EQ(split({std::string{"\0\0\0\xb", 4}}, 10), "frame() refused 413 last; ");
  EXPECT_EQ(split({"POST / HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 11\r\n\r\n"}, 10),
            "http() refused 413 last; ");
  EXPECT_EQ(split({"POST / HTTP/1.1\r\nX: " + std::string(20'000, 'y')}, 10), "http() refused 431 last; ");
}

TEST(RequestSplitter, WebPagesGetNothing) {
  EXPECT_EQ(split({"GET / HTTP/1.1\r\n\r\n"}), "http() refused 405; ");
  EXPECT_EQ(split({"POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"}),
            "http({}) refused 415; ");
  EXPECT_EQ(split({"POST / HTTP/1.1\r\nOrigin: http://evil.example\r\nContent-Type: text/xml\r\nContent-Length: "
                   "0\r\n\r\n"}),
            "http() refused 403; ");
  EXPECT_EQ(split({"POST nonsense\r\n\r\n"}), "http() refused 400 last; ");
}

TEST(RequestSplitter, OldClientsCloseAndPatientOnesAreToldToGoOn) {
  EXPECT_EQ(split({"POST / HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n{}"}), "http() last; ");
  RequestSplitter splitter{1'000, false};
  splitter.append("POST / HTTP/1.1\r\nContent-Type: text/xml\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_FALSE(splitter.next());
  EXPECT_TRUE(splitter.wants_continue());
  EXPECT_FALSE(splitter.wants_continue());
  splitter.append("<>");
  EXPECT_TRUE(splitter.next());
}

TEST(RequestSplitter, WhereOnlyLinesAreSpokenNothingElseIsLookedFor) {
  EXPECT_EQ(split({"POST / HTTP/1.1\r\n"}, 100, true), "line(POST / HTTP/1.1); ");
}

TEST(RequestSplitter, TheTokenOfAHeaderIsFound) {
  RequestSplitter splitter{1'000, false};
  splitter.append(
      "POST / HTTP/1.1\r\nAuthorization: bearer se cret\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n");
  const auto request = splitter.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->http.token, "se cret");
}

TEST(Php, MapsOfPlainValuesGoThereAndBack) {
  const PhpMap map{{"a", {std::string{"x\"y"}}}, {"b", {true}}, {"c", {nullptr}}, {"d", {std::int64_t{-5}}}};
  const std::string text = "a:4:{s:1:\"a\";s:3:\"x\"y\";s:1:\"b\";b:1;s:1:\"c\";N;s:1:\"d\";i:-5;}";
  EXPECT_EQ(php_serialize(map), text);
  const auto back = php_unserialize(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(php_serialize(*back), text);
  for (std::size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(php_unserialize(text.substr(0, cut))) << cut;
}

TEST(Php, NothingElseIsRead) {
  for (const char* text :
       {"O:8:\"stdClass\":0:{}", "a:1:{i:0;i:1;}", "a:1:{s:1:\"a\";a:0:{}}", "a:-1:{}", "a:1:{s:9999999999:\"a\";N;}",
        "a:1:{s:-1:\"a\";N;}", "a:0:{}x", "R:1;", "a:9999999999:{}", "a:1:{s:1:\"a\";r:1;}"}) {
    EXPECT_FALSE(php_unserialize(text)) << text;
  }
}

}  // namespace
}  // namespace coworker::net::rpc
