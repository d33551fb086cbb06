#include "net/rpc/rpc_fixture.h"

namespace coworker::net::rpc {
namespace {

using testing::HasSubstr;
using testing::Not;

class JsonRpc : public RpcFixture {
 protected:
  JsonRpc() {
    Methods own;
    own.add("examples.echo", "Says it back", {"text"}, [](const std::string& text) { return text; });
    own.add("examples.subtract", "A difference", {"minuend", "subtrahend"},
            [](std::int64_t minuend, std::int64_t subtrahend) { return minuend - subtrahend; });
    own.add("examples.fail", "Always fails", {}, [] { throw std::runtime_error{"the password is hunter2"}; });
    own.add("examples.refuse", "Says why", {}, [] { throw MethodFault{7, "not today"}; });
    own.add("examples.hour", "Of a time", {"time"},
            [](DateTime time) { return (time.time_since_epoch().count() / 3600) % 24; });
    own.add("examples.size", "Of bytes", {"bytes"}, [](const Binary& binary) { return binary.bytes.size(); });
    own.add("examples.sum", "Of numbers", {"numbers"}, [](const std::vector<double>& numbers) {
      double sum = 0;
      for (const double each : numbers) sum += each;
      return sum;
    });
    directory_.add(own);
  }
};

struct Exchange {
  const char* name;
  const char* sent;
  const char* answer;
};

class JsonRpcExchange : public JsonRpc, public testing::WithParamInterface<Exchange> {};

TEST_P(JsonRpcExchange, IsAsTheSpecificationSays) {
  EXPECT_EQ(json(GetParam().sent), GetParam().answer);
}

constexpr const char* kInvalid = R"({"jsonrpc":"2.0","error":{"code":-32600,"message":"invalid request: )";

INSTANTIATE_TEST_SUITE_P(
    Table, JsonRpcExchange,
    testing::Values(
        Exchange{"Positional", R"({"jsonrpc":"2.0","method":"examples.subtract","params":[42,23],"id":1})",
                 R"({"jsonrpc":"2.0","result":19,"id":1})"},
        Exchange{"Named",
                 R"({"jsonrpc":"2.0","method":"examples.subtract","params":{"subtrahend":23,"minuend":42},"id":"x"})",
                 R"({"jsonrpc":"2.0","result":19,"id":"x"})"},
        Exchange{"IdNull", R"({"jsonrpc":"2.0","method":"examples.echo","params":["a"],"id":null})",
                 R"({"jsonrpc":"2.0","result":"a","id":null})"},
        Exchange{"Notification", R"({"jsonrpc":"2.0","method":"examples.echo","params":["a"]})", "(none)"},
        Exchange{"NotificationOfNothing", R"({"jsonrpc":"2.0","method":"nothing"})", "(none)"},
        Exchange{"UnknownMethod", R"({"jsonrpc":"2.0","method":"nothing","id":"1"})",
                 R"({"jsonrpc":"2.0","error":{"code":-32601,"message":"method not found: 'nothing'"},"id":"1"})"},
        Exchange{"Number", "7",
                 R"({"jsonrpc":"2.0","error":{"code":-32600,"message":"invalid request: not an object"},"id":null})"},
        Exchange{"BatchOfRubbish", "[1]",
                 R"([{"jsonrpc":"2.0","error":{"code":-32600,"message":"invalid request: not an object"},"id":null}])"},
        Exchange{"BatchOfNotifications", R"([{"jsonrpc":"2.0","method":"nothing"}])", "(none)"},
        Exchange{
            "OldVersion", R"({"method":"examples.echo","params":["a"],"id":1})",
            R"({"jsonrpc":"2.0","error":{"code":-32600,"message":"invalid request: jsonrpc must be \"2.0\""},"id":1})"},
        Exchange{
            "IdIsAnObject", R"({"jsonrpc":"2.0","method":"examples.echo","params":["a"],"id":{}})",
            R"({"jsonrpc":"2.0","error":{"code":-32600,"message":"invalid request: id must be a string, a number or null"},"id":null})"},
        Exchange{"OwnFault", R"({"jsonrpc":"2.0","method":"examples.refuse","id":1})",
                 R"({"jsonrpc":"2.0","error":{"code":7,"message":"not today"},"id":1})"},
        Exchange{"DateAndBytesAreTexts",
                 R"([{"jsonrpc":"2.0","method":"examples.hour","params":["20260131T17:00:00"],"id":1},)"
                 R"({"jsonrpc":"2.0","method":"examples.size","params":["AAEC"],"id":2}])",
                 R"([{"jsonrpc":"2.0","result":17,"id":1},{"jsonrpc":"2.0","result":3,"id":2}])"},
        Exchange{"IntegersDoForDoubles", R"({"jsonrpc":"2.0","method":"examples.sum","params":[[1,0.5]],"id":1})",
                 R"({"jsonrpc":"2.0","result":1.5E0,"id":1})"}),
    [](const auto& row) { return row.param.name; });

TEST_F(JsonRpc, Case15_ACustomMethodChecksItsArgumentsAndHidesItsExceptions) {
  EXPECT_THAT(json(R"({"jsonrpc":"2.0","method":"examples.echo","params":["hello"],"id":1})"),
              HasSubstr(R"("result":"hello")"));
  for (const char* params : {"[]", "[5]", R"(["a","b"])", R"({"word":"a"})"}) {
    EXPECT_THAT(json(std::string{R"({"jsonrpc":"2.0","method":"examples.echo","params":)"} + params + R"(,"id":1})"),
                HasSubstr("-32602"))
        << params;
  }
  EXPECT_THAT(json(R"({"jsonrpc":"2.0","method":"examples.ecco","params":["a"],"id":1})"), HasSubstr("-32601"));
  const std::string thrown = json(R"({"jsonrpc":"2.0","method":"examples.fail","id":1})");
  EXPECT_THAT(thrown, HasSubstr("-32603"));
  EXPECT_THAT(thrown, Not(HasSubstr("hunter2")));
}

TEST_F(JsonRpc, Case20_MalformedRequestsAreAnsweredAsTheSpecificationSays) {
  const auto code = [this](const char* document) {
    const std::string answer = json(document);
    const std::size_t at = answer.find("\"code\":");
    return at == std::string::npos ? answer : answer.substr(at + 7, 6);
  };
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","method":"examples.echo","params":5,"id":1})"), "-32600");
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","method":"examples.echo","params":{"x":"a"},"id":1})"), "-32602");
  EXPECT_EQ(code(R"({"id":9})"), "-32600");
  EXPECT_EQ(code("[]"), "-32600");
  EXPECT_EQ(code("{\"jsonrpc\":"), "-32700");
  EXPECT_EQ(code("\xff\xfe"), "-32700");
  EXPECT_EQ(code("{} {}"), "-32700");
  EXPECT_EQ(code((std::string(100, '[') + std::string(100, ']')).c_str()), "-32700");
  EXPECT_THAT(json(R"({"id":9})"), testing::StartsWith(kInvalid));
}

TEST_F(JsonRpc, Case18_ABatchIsAnsweredInOrderAndMulticallIsRefused) {
  EXPECT_EQ(json(R"([{"jsonrpc":"2.0","method":"examples.echo","params":["a"],"id":1},)"
                 R"({"jsonrpc":"2.0","method":"examples.echo","params":["b"]},)"
                 R"({"jsonrpc":"2.0","method":"system.multicall","params":[[]],"id":2}])"),
            R"([{"jsonrpc":"2.0","result":"a","id":1},{"jsonrpc":"2.0","error":{"code":-31000,)"
            R"("message":"system.multicall is not for JSON-RPC: send a batch"},"id":2}])");
}

TEST_F(JsonRpc, ABatchIsBounded) {
  std::string batch = "[1";
  for (int i = 0; i < 1000; ++i) batch += ",1";
  EXPECT_THAT(json(batch + "]"), HasSubstr("more than 1000 calls"));
}

}  // namespace
}  // namespace coworker::net::rpc
