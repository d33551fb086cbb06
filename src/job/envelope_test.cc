#include "job/envelope.h"

#include <gtest/gtest.h>

#include "job/json_text.h"

namespace coworker::job {
namespace {

struct EnvelopeCase {
  const char* name;
  std::string_view text;
  std::string_view body;
  std::string_view metadata;
  bool bare;
};

class ParseEnvelope : public testing::TestWithParam<EnvelopeCase> {};

TEST_P(ParseEnvelope, KeepsEveryByteOfTheBody) {
  const Result<Envelope> envelope = parse_envelope(GetParam().text);
  ASSERT_TRUE(envelope) << envelope.error().message();
  EXPECT_EQ(envelope->body, GetParam().body);
  EXPECT_EQ(envelope->metadata, GetParam().metadata);
  EXPECT_EQ(envelope->bare, GetParam().bare);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseEnvelope,
    testing::Values(
        EnvelopeCase{"Wrapped", R"({"body":1,"metadata":{"a":2}})", "1", R"({"a":2})", false},
        EnvelopeCase{"OtherOrderAndSpace", " {\"metadata\" : { } ,\n \"body\": [ 1 ,2 ] }\n", "[ 1 ,2 ]", "{ }", false},
        EnvelopeCase{"NumbersKeepTheirDigits", R"({"body":1.50e+3,"metadata":{}})", "1.50e+3", "{}", false},
        EnvelopeCase{"HugeNumber", R"({"body":12345678901234567890123,"metadata":{}})", "12345678901234567890123", "{}",
                     false},
        EnvelopeCase{"EmptyObjectStaysObject", R"({"body":{},"metadata":{}})", "{}", "{}", false},
        EnvelopeCase{"MetadataOfPhp", R"({"body":"x","metadata":[]})", R"("x")", "{}", false},
        EnvelopeCase{"EscapedKeys", R"({"\u0062ody":null,"metadata":{}})", "null", "{}", false},
        EnvelopeCase{"Tricky", R"({"body":"}\",\"metadata\":{","metadata":{"x":"]}"}})", R"("}\",\"metadata\":{")",
                     R"({"x":"]}"})", false},
        EnvelopeCase{"Nested", R"({"body":{"body":1,"metadata":{}},"metadata":{}})", R"({"body":1,"metadata":{}})",
                     "{}", false},
        EnvelopeCase{"BareZero", "0", "0", "{}", true}, EnvelopeCase{"BareString", R"("")", R"("")", "{}", true},
        EnvelopeCase{"BareNull", "null", "null", "{}", true}, EnvelopeCase{"BareWithSpace", " [1] ", "[1]", "{}", true},
        EnvelopeCase{"BareEmptyObject", "{}", "{}", "{}", true},
        EnvelopeCase{"OnlyBody", R"({"body":1})", R"({"body":1})", "{}", true},
        EnvelopeCase{"ThreeMembers", R"({"body":1,"metadata":{},"x":0})", R"({"body":1,"metadata":{},"x":0})", "{}",
                     true},
        EnvelopeCase{"MetadataIsNoMap", R"({"body":1,"metadata":7})", R"({"body":1,"metadata":7})", "{}", true},
        EnvelopeCase{"FilledListIsNoMap", R"({"body":1,"metadata":[1]})", R"({"body":1,"metadata":[1]})", "{}", true}),
    [](const auto& row) { return row.param.name; });

class NotJson : public testing::TestWithParam<std::string_view> {};

TEST_P(NotJson, IsRefused) {
  const Result<Envelope> envelope = parse_envelope(GetParam());
  ASSERT_FALSE(envelope);
  EXPECT_EQ(envelope.error().code(), Errc::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Table, NotJson,
                         testing::Values("", " ", "{", "hello", "01", "1 2", "[1,]", "{\"a\":}", "\"\xff\"", "\"a\nb\"",
                                         "{\"body\":1,\"metadata\":{}}x", "nul", "'a'", "// c\n1"));

TEST(Json, DepthIsBounded) {
  EXPECT_TRUE(check_json(std::string(500, '[') + std::string(500, ']')));
  EXPECT_FALSE(check_json(std::string(100'000, '[') + std::string(100'000, ']')));
}

TEST(Envelope, OursIsAlwaysWrapped) {
  for (const std::string_view body : {"0", "{}", R"({"body":1,"metadata":{}})", "\"\"", " 1.0 "}) {
    const Result<Envelope> back = parse_envelope(make_envelope(body));
    ASSERT_TRUE(back);
    EXPECT_FALSE(back->bare);
    EXPECT_EQ(back->body, trim_json(body));
  }
}

TEST(Stamp, IsReadFromMetadata) {
  const Stamp stamp = read_stamp(
      R"({"creation-time":1700000000,"job-lifetime":60,"process-timeout":5,"original-id":"D-1","retries":3,"mine":[]})");
  EXPECT_EQ(stamp.creation_time, 1'700'000'000);
  EXPECT_EQ(stamp.job_lifetime, 60);
  EXPECT_EQ(stamp.process_timeout, 5);
  EXPECT_EQ(stamp.original_id, "D-1");
  EXPECT_EQ(stamp.retries, 3U);
}

TEST(Stamp, WrongTypesCountAsMissing) {
  const Stamp stamp = read_stamp(R"({"creation-time":"x","job-lifetime":1e9999,"retries":-4,"original-id":7})");
  EXPECT_FALSE(stamp.creation_time);
  EXPECT_FALSE(stamp.job_lifetime);
  EXPECT_FALSE(stamp.original_id);
  EXPECT_EQ(stamp.retries, 0U);
  EXPECT_EQ(read_stamp(R"({"retries":99999999999})").retries, 4'294'967'295U);
}

TEST(Stamp, IsWrittenBesideTheUsersOwn) {
  Stamp stamp;
  stamp.creation_time = 5;
  stamp.original_id = "D-\"x";
  EXPECT_EQ(write_stamp(R"({ "mine": 1.0 , "creation-time": 1, "job-lifetime":9})", stamp),
            R"({"mine":1.0,"job-lifetime":9,"creation-time":5,"original-id":"D-\"x"})");
  EXPECT_EQ(write_stamp("{}", Stamp{}), "{}");
}

}  // namespace
}  // namespace coworker::job
