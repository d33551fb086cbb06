#include "net/rpc/xml_rpc.h"

#include "net/rpc/rpc_fixture.h"

namespace coworker::net::rpc {
namespace {

using testing::HasSubstr;

struct Scalar {
  const char* name;
  const char* text;
  Value value;
};

class XmlScalar : public testing::TestWithParam<Scalar> {};

TEST_P(XmlScalar, IsRead) {
  const std::string document =
      std::string{
          "<?xml version='1.0'?>\n<methodCall>\n <methodName>m</methodName>\n <params>"
          "<param><value>"} +
      GetParam().text + "</value></param></params></methodCall>";
  const auto call = parse_xml_call(document);
  ASSERT_TRUE(call) << call.error().text;
  ASSERT_EQ(call->params.size(), 1u);
  EXPECT_EQ(call->params[0], GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Table, XmlScalar,
    testing::Values(Scalar{"Int", "<int>-7</int>", -7}, Scalar{"I4", "<i4>+7</i4>", 7},
                    Scalar{"I8", "<i8>9007199254740993</i8>", std::int64_t{9007199254740993}},
                    Scalar{"Double", "<double>-12.5</double>", -12.5}, Scalar{"True", "<boolean>1</boolean>", true},
                    Scalar{"UntypedIsText", "a &lt; b &amp; c", "a < b & c"},
                    Scalar{"BlanksAreKept", "<string>  </string>", "  "}, Scalar{"Empty", "<string/>", ""},
                    Scalar{"NothingIsText", "", ""}, Scalar{"Cdata", "<string><![CDATA[<b>]]></string>", "<b>"},
                    Scalar{"Bytes", "<base64>AAEC\n</base64>", Binary{std::string{"\0\1\2", 3}}},
                    Scalar{"Date", "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>",
                           DateTime{std::chrono::seconds{900684535}}},
                    Scalar{"Nil", "<nil/>", nullptr}, Scalar{"BlanksAround", "\n <int> 5 </int>\n ", 5},
                    Scalar{"Array", "<array><data><value><int>1</int></value><value>x</value></data></array>",
                           Value::Array{1, "x"}},
                    Scalar{"Struct", "<struct><member><name>a</name><value><int>1</int></value></member></struct>",
                           Value::Map{{"a", 1}}}),
    [](const auto& row) { return row.param.name; });

struct Refused {
  const char* name;
  const char* document;
  int code;
};

class XmlRefused : public testing::TestWithParam<Refused> {};

TEST_P(XmlRefused, WithItsCode) {
  const auto call = parse_xml_call(GetParam().document);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, GetParam().code) << call.error().text;
}

#define CALL_WITH(value) "<methodCall><methodName>m</methodName><params><param>" value "</param></params></methodCall>"

INSTANTIATE_TEST_SUITE_P(
    Table, XmlRefused,
    testing::Values(Refused{"Broken", "<methodCall><methodName>m</methodCall>", kParseError},
                    Refused{"Empty", "", kParseError}, Refused{"AnotherDocument", "<html/>", kInvalidRequest},
                    Refused{"NoName", "<methodCall/>", kInvalidRequest},
                    Refused{"OddName", "<methodCall><methodName>a b</methodName></methodCall>", kInvalidRequest},
                    Refused{"IntTooLarge", CALL_WITH("<value><int>2147483648</int></value>"), kInvalidRequest},
                    Refused{"NotANumber", CALL_WITH("<value><double>nan</double></value>"), kInvalidRequest},
                    Refused{"UnknownType", CALL_WITH("<value><float>1</float></value>"), kInvalidRequest},
                    Refused{"TwoTypes", CALL_WITH("<value><int>1</int><int>2</int></value>"), kInvalidRequest},
                    Refused{"TwoValues", CALL_WITH("<value/><value/>"), kInvalidRequest},
                    Refused{"BadBytes", CALL_WITH("<value><base64>A</base64></value>"), kInvalidRequest},
                    Refused{"BadDate",
                            CALL_WITH("<value><dateTime.iso8601>19990230T00:00:00</dateTime.iso8601></value>"),
                            kInvalidRequest},
                    Refused{"NotUtf8", CALL_WITH("<value>\xe4</value>"), kCharacter},
                    Refused{"OtherEncoding", "<?xml version='1.0' encoding='EBCDIC-US'?><methodCall/>", kEncoding}),
    [](const auto& row) { return row.param.name; });

TEST(XmlRpc, NothingOutsideOfTheTextIsRead) {
  const auto call = parse_xml_call(
      "<!DOCTYPE m [<!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY y 'yy'>]>"
      "<methodCall><methodName>m</methodName><params><param><value>&x;&y;</value></param></params></methodCall>");
  ASSERT_TRUE(call) << call.error().text;
  EXPECT_EQ(call->params[0], Value{"&x;&y;"});
}

TEST(XmlRpc, BlanksBetweenTagsAreNothing) {
  const auto call = parse_xml_call("<methodCall>\n<methodName>m</methodName>\n<params>\n</params>\n</methodCall>\n");
  ASSERT_TRUE(call) << call.error().text;
  EXPECT_TRUE(call->params.empty());
  const auto empty = parse_xml_call(
      "<methodCall><methodName>m</methodName><params><param><value><array><data>\n</data></array></value></param>"
      "<param><value><struct> </struct></value></param></params></methodCall>");
  ASSERT_TRUE(empty) << empty.error().text;
  EXPECT_EQ(empty->params, (Value::Array{Value::Array{}, Value::Map{}}));
}

TEST(XmlRpc, DepthIsBounded) {
  std::string inner = "<value>x</value>";
  for (int i = 0; i < 100; ++i) inner = "<value><array><data>" + inner + "</data></array></value>";
  const auto call = parse_xml_call("<methodCall><methodName>m</methodName><params><param>" + inner +
                                   "</param></params></methodCall>");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, kInvalidRequest);
}

TEST(XmlRpc, AnAnswerIsOneLineAndHasNoExponents) {
  const Value value{Value::Map{{"a<b", "x\r\n\x01\xff&"},
                               {"big", std::int64_t{1} << 40},
                               {"large", 1e20},
                               {"nothing", nullptr},
                               {"small", 1.5e-7}}};
  EXPECT_EQ(
      xml_response(value),
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodResponse><params><param><value><struct>"
      "<member><name>a&lt;b</name><value><string>x&#13;&#10;\xef\xbf\xbd\xef\xbf\xbd&amp;</string></value></member>"
      "<member><name>big</name><value><i8>1099511627776</i8></value></member>"
      "<member><name>large</name><value><double>100000000000000000000.0</double></value></member>"
      "<member><name>nothing</name><value><nil/></value></member>"
      "<member><name>small</name><value><double>0.00000015</double></value></member>"
      "</struct></value></param></params></methodResponse>");
}

class XmlRpcCalls : public RpcFixture {};

TEST_F(XmlRpcCalls, Case18_MulticallAnswersEachAndNoMulticallWithin) {
  const auto call = [](const std::string& name) {
    return "<value><struct><member><name>methodName</name><value>" + name +
           "</value></member><member><name>params</name><value><array><data/></array></value></member></struct></"
           "value>";
  };
  const std::string answer =
      xml(xml_call("system.multicall", param("<array><data>" + call("daemon.version") + call("nothing") +
                                             call("system.multicall") + "</data></array>")));
  const std::size_t version = answer.find("<array><data><value><string>");
  const std::size_t unknown = answer.find("<int>-32601</int>");
  const std::size_t nested = answer.find("<int>-31001</int>");
  EXPECT_LT(version, unknown) << answer;
  EXPECT_LT(unknown, nested) << answer;
  EXPECT_NE(nested, std::string::npos) << answer;
}

TEST_F(XmlRpcCalls, Case19_EachIsAnsweredInItsOwnFormat) {
  EXPECT_THAT(json(R"({"jsonrpc":"2.0","method":"worker.status","params":["copier"],"id":1})"),
              testing::StartsWith("{"));
  EXPECT_THAT(xml(xml_call("worker.status", param("copier"))), HasSubstr("<value><int>1</int></value>"));
  EXPECT_THAT(json(R"({"jsonrpc":"2.0","method":"worker.status","params":["copier"],"id":1})"),
              testing::StartsWith("{"));
}

TEST_F(XmlRpcCalls, Case07_AnUnknownWorkerIsAFaultThatNamesIt) {
  const std::string answer = xml(xml_call("worker.status", param("nobody")));
  EXPECT_THAT(answer, HasSubstr("<fault>"));
  EXPECT_THAT(answer, HasSubstr("<int>-32602</int>"));
  EXPECT_THAT(answer, HasSubstr("'nobody'"));
}

TEST_F(XmlRpcCalls, TypesAreKeptApart) {
  Methods own;
  own.add("examples.bytes", "Back", {"bytes"}, [](Binary bytes) { return bytes; });
  own.add("examples.time", "Back", {"time"}, [](DateTime time) { return time; });
  directory_.add(own);
  EXPECT_THAT(xml(xml_call("examples.bytes", param("<base64>AAEC</base64>"))), HasSubstr("<base64>AAEC</base64>"));
  EXPECT_THAT(xml(xml_call("examples.bytes", param("AAEC"))), HasSubstr("-32602"));
  const std::string date = "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>";
  EXPECT_THAT(xml(xml_call("examples.time", param(date))), HasSubstr(date));
}

}  // namespace
}  // namespace coworker::net::rpc
