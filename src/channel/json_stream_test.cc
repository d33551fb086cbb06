#include "channel/json_stream.h"

#include <gmock/gmock.h>

#include <random>
#include <vector>

namespace coworker::channel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// The values, and the error's text as the last one if there is one.
std::vector<std::string> values_of(const std::vector<std::string_view>& pieces, JsonStream stream = JsonStream{}) {
  std::vector<std::string> out;
  const auto take = [&](bool is_last) {
    for (;;) {
      const auto text = is_last ? stream.last() : stream.next();
      if (!text) out.push_back("error: " + text.error().message());
      if (!text || !*text) return text.has_value();
      out.emplace_back(**text);
    }
  };
  for (const std::string_view piece : pieces) {
    stream.append(piece);
    if (!take(false)) return out;
  }
  take(true);
  return out;
}

constexpr std::string_view kMixed =
    " {\"a\":[1,-2.5e+3,{\"b\":null}] , \"c\\\"}\":\"\\u00e4 \xc3\xa4\"}\n[]\t\"three\"4 0 -1.0E7\r\n{\n  \"p\": [\n   "
    " "
    "true,\n    false\n  ]\n}null true{}";

TEST(JsonStream, GrammarSeparatesValues) {
  EXPECT_THAT(values_of({kMixed}),
              ElementsAre("{\"a\":[1,-2.5e+3,{\"b\":null}] , \"c\\\"}\":\"\\u00e4 \xc3\xa4\"}", "[]", "\"three\"", "4",
                          "0", "-1.0E7", "{\n  \"p\": [\n    true,\n    false\n  ]\n}", "null", "true", "{}"));
}

TEST(JsonStream, CutsOfTheInputDoNotMatter) {
  const auto whole = values_of({kMixed});
  for (std::size_t first = 0; first <= kMixed.size(); ++first) {
    EXPECT_EQ(values_of({kMixed.substr(0, first), kMixed.substr(first)}), whole) << first;
  }
  std::vector<std::string_view> bytes;
  for (std::size_t at = 0; at < kMixed.size(); ++at) bytes.push_back(kMixed.substr(at, 1));
  EXPECT_EQ(values_of(bytes), whole);
}

TEST(JsonStream, AllValuesOfOneReadAreThere) {
  std::string many;
  for (int i = 0; i < 5; ++i) many += std::to_string(i) + "\n";
  EXPECT_THAT(values_of({many}), ElementsAre("0", "1", "2", "3", "4"));
}

struct Bad {
  const char* name;
  std::string_view bytes;
  std::size_t at;
};

class JsonStreamGarbage : public testing::TestWithParam<Bad> {};

TEST_P(JsonStreamGarbage, NamesItsByteAndNothingComesAfterIt) {
  const std::string before = "[1] \n";
  const std::string all = before + std::string{GetParam().bytes} + " {}";
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    const auto values = values_of({std::string_view{all}.substr(0, cut), std::string_view{all}.substr(cut)});
    ASSERT_EQ(values.size(), 2u) << cut;
    EXPECT_THAT(values[1], HasSubstr("at byte " + std::to_string(before.size() + GetParam().at) + " "));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, JsonStreamGarbage,
    testing::Values(Bad{"Word", "hello", 0}, Bad{"Literal", "trux", 3}, Bad{"Close", "]", 0}, Bad{"Mismatch", "[1}", 2},
                    Bad{"TrailingComma", "[1,]", 3}, Bad{"KeyWithoutQuotes", "{a:1}", 1},
                    Bad{"NoColon", "{\"a\" 1}", 5}, Bad{"TwoCommas", "[1,,2]", 3}, Bad{"LineInString", "\"a\nb\"", 2},
                    Bad{"BadEscape", "\"\\x\"", 2}, Bad{"BadHex", "\"\\u12g4\"", 5}, Bad{"PointFirst", ".5", 0},
                    Bad{"PointLast", "[1.]", 3}, Bad{"TwoPoints", "[1.2.3]", 4}, Bad{"Minus", "[-]", 2},
                    Bad{"LeadingZero", "[01]", 2}, Bad{"NotUtf8", "\"\xff\"", 1}, Bad{"Overlong", "\"a\xc0\xaf\"", 2},
                    Bad{"Surrogate", "\"\xed\xa0\x80\"", 1}, Bad{"Nul", std::string_view{"\0", 1}, 0}),
    [](const auto& row) { return row.param.name; });

TEST(JsonStream, EndWithinAValueIsAnError) {
  for (const std::string_view half : {"{\"a\":", "\"abc", "[1", "tru", "-", "1.", "2e"}) {
    EXPECT_THAT(values_of({half}), ElementsAre(HasSubstr("error: not JSON at byte"))) << half;
  }
}

TEST(JsonStream, SizeAndDepthAreLimited) {
  EXPECT_THAT(values_of({"[1,2,3]"}, JsonStream{{7, 512}}), ElementsAre("[1,2,3]"));
  EXPECT_THAT(values_of({"[1,2,3,4]"}, JsonStream{{7, 512}}), ElementsAre(HasSubstr("more than 7 bytes")));
  EXPECT_THAT(values_of({"\"aaaaaaaaaaaaa"}, JsonStream{{7, 512}}), ElementsAre(HasSubstr("more than 7 bytes")));
  EXPECT_THAT(values_of({"[[{}]]"}, JsonStream{{100, 3}}), ElementsAre("[[{}]]"));
  EXPECT_THAT(values_of({"[[{\"a\":[]}]]"}, JsonStream{{100, 3}}), ElementsAre(HasSubstr("more than 3 levels")));
}

TEST(JsonStream, HeadIsTheFirstFourBytes) {
  JsonStream stream;
  stream.append("\t ");
  EXPECT_EQ(stream.head(), "\t ");
  EXPECT_TRUE(stream.next());
  stream.append("\t\n{}");
  EXPECT_EQ(stream.head(), "\t \t\n");
  EXPECT_TRUE(stream.next());
  stream.append("[]");
  EXPECT_EQ(stream.head(), "\t \t\n");
}

TEST(JsonStream, BlanksCostNoMemory) {
  JsonStream stream{{16, 16}};
  const std::string blanks(10'000, ' ');
  for (int i = 0; i < 1'000; ++i) {
    stream.append(blanks);
    const auto text = stream.next();
    ASSERT_TRUE(text && !*text);
    ASSERT_EQ(stream.pending(), 0u);
  }
}

TEST(JsonStream, RandomStreamsInRandomPieces) {
  std::mt19937 random{7};
  const std::vector<std::string> kinds{"{\"key\":[1,2,{}]}", "\"" + std::string(300, 'x') + "\\\\\"", "17", "null",
                                       "[\"\xe2\x82\xac\",1e9]"};
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> want;
    std::string stream;
    for (int i = 0; i < 20; ++i) {
      want.push_back(kinds[random() % kinds.size()]);
      stream += want.back() + (random() % 2 ? "\n" : " \t ");
    }
    std::vector<std::string_view> pieces;
    for (std::string_view left = stream; !left.empty();) {
      const std::size_t size = std::min<std::size_t>(left.size(), 1 + random() % 100);
      pieces.push_back(left.substr(0, size));
      left.remove_prefix(size);
    }
    ASSERT_EQ(values_of(pieces), want);
  }
}

}  // namespace
}  // namespace coworker::channel
