#include "worker/json_conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::worker {
namespace {

using ::testing::HasSubstr;
using Kind = Heard::Kind;

Job job(std::string id = "D-1") {
  Job made;
  made.id = std::move(id);
  made.queue = "q \"é\"";
  made.body = "{\"a\" :\r\n [1.50, \"x\\n\"]}";
  made.metadata = R"({"m":{}})";
  made.attempt = 2;
  return made;
}

TEST(JsonConversation, ARequestIsOneLineAndOtherwiseToTheByte) {
  JsonConversation conversation;
  EXPECT_EQ(*conversation.request(job()),
            "{\"id\":\"D-1\",\"queue\":\"q \\\"é\\\"\",\"body\":{\"a\" :   [1.50, \"x\\n\"]},"
            "\"metadata\":{\"m\":{}},\"attempt\":2}\n");
}

TEST(JsonConversation, ARequestInAFileIsReadToTheByte) {
  const Job given = job();
  const Result<Job> read = parse_json_request(json_request(given, false));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, given.id);
  EXPECT_EQ(read->queue, given.queue);
  EXPECT_EQ(read->body, given.body);
  EXPECT_EQ(read->metadata, given.metadata);
  EXPECT_EQ(read->attempt, given.attempt);
  EXPECT_FALSE(parse_json_request("{"));
}

struct LineCase {
  const char* name;
  const char* line;
  Kind kind;
  const char* text;  // the result, the reason, or the report for people
};

class JsonConversationLines : public ::testing::TestWithParam<LineCase> {};

TEST_P(JsonConversationLines, MeanWhatTheTableSays) {
  JsonConversation conversation;
  ASSERT_TRUE(conversation.request(job()));
  const Heard heard = conversation.hear(GetParam().line);
  ASSERT_EQ(heard.kind, GetParam().kind);
  if (heard.kind == Kind::report) EXPECT_EQ(describe(heard.report), GetParam().text);
  if (heard.kind == Kind::answer) {
    EXPECT_EQ(heard.outcome.kind == Outcome::Kind::ok ? heard.outcome.result : heard.outcome.reason, GetParam().text);
  }
  if (heard.kind == Kind::garbage) EXPECT_THAT(heard.outcome.reason, HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    Table, JsonConversationLines,
    ::testing::Values(
        LineCase{"Done", R"({"id":"D-1","ok":true})", Kind::answer, ""},
        LineCase{"ResultText", R"({"id":"D-1","ok":true,"result":"a\n\"b\" \u00e9"})", Kind::answer, "a\n\"b\" é"},
        LineCase{"ResultObject", R"( {"ok":true, "result": {"a": [1.50]}, "id":"D-1" })", Kind::garbage,
                 "no JSON object"},
        LineCase{"ResultJson", R"({"ok":true, "result": {"a": [1.50]}, "id":"D-1" } )", Kind::answer,
                 R"({"a": [1.50]})"},
        LineCase{"ResultNull", R"({"id":"D-1","ok":true,"result":null})", Kind::answer, ""},
        LineCase{"Failed", R"({"id":"D-1","ok":false,"error":"no disk"})", Kind::answer, "no disk"},
        LineCase{"FailedWithoutReason", R"({"id":"D-1","ok":false})", Kind::answer, "the worker says that it failed"},
        LineCase{"Progress", R"({"id":"D-1","progress":0.25,"text":"reading"})", Kind::report, "25 %: reading"},
        LineCase{"ProgressWithoutId", R"({"progress":1})", Kind::report, "100 %"},
        LineCase{"ProgressBeyond", R"({"progress":7e9})", Kind::report, "100 %"},
        LineCase{"Line", R"({"text":"hello"})", Kind::report, "hello"},
        LineCase{"LineOfAnotherJob", R"({"id":"D-0","text":"late"})", Kind::nothing, ""},
        LineCase{"Empty", "  ", Kind::nothing, ""},
        LineCase{"NotJson", "oops", Kind::garbage, "no JSON object in one line: oops"},
        LineCase{"List", "[1]", Kind::garbage, "no JSON object"},
        LineCase{"HalfAnObject", R"({"id":"D-1")", Kind::garbage, "no JSON object"},
        LineCase{"NoUtf8", "{\"id\":\"\xff\"}", Kind::garbage, "no JSON object"},
        LineCase{"AnswerForAnotherJob", R"({"id":"D-0","ok":true})", Kind::garbage, "a job that it does not have"},
        LineCase{"AnswerWithoutId", R"({"ok":true})", Kind::garbage, "has no id"},
        LineCase{"OkIsAText", R"({"id":"D-1","ok":"true"})", Kind::garbage, "a wrong type"},
        LineCase{"ProgressIsAText", R"({"id":"D-1","progress":"half"})", Kind::garbage, "a wrong type"}),
    [](const auto& row) { return row.param.name; });

TEST(JsonConversation, AnAnswerCountsOnce) {
  JsonConversation conversation;
  ASSERT_TRUE(conversation.request(job()));
  EXPECT_EQ(conversation.hear(R"({"id":"D-1","ok":true})").kind, Kind::answer);
  EXPECT_EQ(conversation.hear(R"({"id":"D-1","ok":true})").kind, Kind::garbage);
}

TEST(JsonConversation, WhatIsWrittenIsUnderstood) {
  JsonConversation conversation;
  ASSERT_TRUE(conversation.request(job()));
  std::string line = json_report("D-1", {0.5, "a \"b\"\n"});
  EXPECT_EQ(describe(conversation.hear(line.substr(0, line.size() - 1)).report), "50 %: a \"b\"\n");
  line = json_answer("D-1", Outcome::failed("it's \"broken\"\n"));
  EXPECT_EQ(conversation.hear(line.substr(0, line.size() - 1)).outcome.reason, "it's \"broken\"\n");
}

TEST(ReadReport, WhatIsNoObjectIsALine) {
  EXPECT_EQ(describe(read_report(R"({"progress":0.1,"text":"x"})")), "10 %: x");
  EXPECT_EQ(describe(read_report("just text")), "just text");
  EXPECT_EQ(describe(read_report(R"({"progress":"x"})")), R"({"progress":"x"})");
}

TEST(Report, LongLinesAreCutAtACharacter) {
  std::string text(4095, 'a');
  text += "éé";
  EXPECT_EQ(log_line(text).text, std::string(4095, 'a'));
}

TEST(Report, AfterAThousandTextsOnlyProgressGoesOn) {
  std::vector<std::string> got;
  const auto report = limited([&](const Report& one) { got.push_back(describe(one)); });
  for (int i = 0; i < 2000; ++i) report({{}, "line"});
  ASSERT_EQ(got.size(), 1001u);
  EXPECT_EQ(got.back(), "further lines are not kept");
  report({0.5, "more"});
  EXPECT_EQ(got.back(), "50 %");
}

}  // namespace
}  // namespace coworker::worker
