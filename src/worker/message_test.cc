#include "worker/message.h"

#include <gmock/gmock.h>

#include "worker/status.h"

namespace coworker::worker {
namespace {

template <class T>
std::optional<T> said(std::string_view json, Dialect dialect = Dialect::full) {
  Result<Said> message = parse_message(json, dialect);
  if (!message || !std::holds_alternative<T>(*message)) return std::nullopt;
  return std::get<T>(std::move(*message));
}

TEST(Message, StopAndQueryAreThoseOfTheOriginal) {
  EXPECT_EQ(to_json(StopMessage{"c\"1"}), R"({"_stop_":"c\"1"})");
  EXPECT_EQ(to_json(QueryMessage{}), R"({"_query_":null})");
  EXPECT_EQ(said<StopMessage>(R"({"_stop_":"c"})", Dialect::shared)->cookie, "c");
  EXPECT_EQ(said<StopMessage>("{ \"\\u005fstop_\" : 5 }", Dialect::shared)->cookie, std::nullopt);
  EXPECT_EQ(said<QueryMessage>(R"({"_query_":"c"})", Dialect::shared)->cookie, "c");
}

TEST(Message, Case16_QueryWithoutACookieIsAQuery) {
  ASSERT_TRUE(said<QueryMessage>(R"({"_query_":null})", Dialect::shared));
  EXPECT_EQ(said<QueryMessage>(R"({"_query_":null})", Dialect::shared)->cookie, std::nullopt);
}

TEST(Message, StatusIsThatOfTheOriginal) {
  Status status{"full", {{"served", 1, "c", 0, 100}, {"waiting"}}};
  const std::string text =
      R"({"_status_":{"textStatus":"full","counters":[{"name":"served","value":1,"unit":"c","min":0,"max":100},)"
      R"({"name":"waiting","value":null,"unit":null,"min":null,"max":null}]}})";
  EXPECT_EQ(to_json(StatusMessage{status}), text);
  const auto back = said<StatusMessage>(text, Dialect::shared);
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), text);
  EXPECT_TRUE(said<StatusMessage>(R"({"_status_":{}})"));
  EXPECT_FALSE(parse_message(R"({"_status_":[1]})", Dialect::full));
}

TEST(Message, EachOfOursComesBack) {
  const Said all[] = {HelloMessage{1, "abc", 17}, RequestMessage{7, "{\"a\": [1]}"},
                      ReplyMessage{7, "null"},    ProgressMessage{7, "\"x\""},
                      CancelMessage{8},           FaultMessage{std::nullopt, "a", "b"},
                      FaultMessage{9, "a", "\n"}, StoppingMessage{2, 10'000}};
  for (const Said& message : all) {
    const Result<Said> back = parse_message(to_json(message), Dialect::full);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->index(), message.index());
    EXPECT_EQ(to_json(*back), to_json(message));
  }
}

TEST(Message, ExtensionsAreAnApplicationsBeforeBothAnnouncedThem) {
  for (const char* text : {R"({"_request_":{"id":1,"body":2}})", R"({"_hello_":{}})", R"({"_fault_":{}})"}) {
    EXPECT_TRUE(said<ApplicationMessage>(text, Dialect::shared)) << text;
    EXPECT_TRUE(is_ambiguous(text, Dialect::full));
  }
  EXPECT_TRUE(said<ApplicationMessage>(R"({"_stop_":"c"})", Dialect::none));
}

TEST(Message, OtherShapesAreAnApplications) {
  for (const char* text : {R"({"_stop_":"c","more":1})", R"({"stop":"c"})", "null", "[]", "{}", R"("_stop_")", "5"}) {
    EXPECT_EQ(said<ApplicationMessage>(text)->body, text);
    EXPECT_FALSE(is_ambiguous(text, Dialect::full));
  }
}

TEST(Message, NonsenseIsRefused) {
  for (const char* text : {R"({"_request_":{"id":-1,"body":2}})", R"({"_request_":{"id":1}})", R"({"_reply_":3})",
                           R"({"_cancel_":{"id":"1"}})"}) {
    EXPECT_FALSE(parse_message(text, Dialect::full)) << text;
  }
}

TEST(Status, ReadyMadeCountersHaveValues) {
  for (const Counter& counter : {wall_time_counter(), cpu_time_counter(), memory_counter()}) {
    ASSERT_TRUE(counter.value) << counter.name;
    EXPECT_GE(*counter.value, 0) << counter.name;
    EXPECT_EQ(counter.min, 0);
  }
  EXPECT_EQ(wall_time_counter().name, "sys_wall_execution_time");
  EXPECT_EQ(memory_counter().name, "sys_memory_usage");
  EXPECT_GT(*memory_counter().value, 100'000);
  EXPECT_LT(*wall_time_counter().value, 3'600);
}

}  // namespace
}  // namespace coworker::worker
