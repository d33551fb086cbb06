#include "channel/resp/reply_decoder.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "channel/resp/encode.h"

namespace coworker::channel::resp {
namespace {

using Step = ReplyDecoder::Step;

/// A reply as a person would write it.
std::string describe(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::simple:
      return "+" + std::string{reply.text};
    case Reply::Type::error:
      return "-" + std::string{reply.text};
    case Reply::Type::integer:
      return std::to_string(reply.integer);
    case Reply::Type::bulk:
      return "'" + std::string{reply.text} + "'";
    case Reply::Type::null_bulk:
      return "null";
    case Reply::Type::null_array:
      return "none";
    case Reply::Type::array:
      break;
  }
  std::string text = "[";
  for (const Reply& element : reply.elements) text += (text.size() > 1 ? " " : "") + describe(element);
  return text + "]";
}

std::string decode(std::string_view stream, const std::vector<std::size_t>& cuts, ReplyLimits limits = {}) {
  ReplyDecoder decoder{limits};
  std::string result;
  std::size_t consumed = 0;
  for (const std::size_t end : cuts) {
    while (true) {
      const std::size_t size = end - consumed;
      auto memory = std::make_unique<char[]>(size);
      stream.substr(consumed, size).copy(memory.get(), size);
      const Step step = decoder.next({memory.get(), size});
      if (step == Step::malformed) return result + "! " + decoder.error();
      if (step == Step::incomplete) break;
      result += describe(decoder.reply()) + " ";
      consumed += decoder.consumed();
    }
  }
  if (consumed < stream.size()) result += "...";
  return result;
}

struct Case {
  const char* name;
  const char* stream;
  const char* want;
};

class ReplyStream : public testing::TestWithParam<Case> {};

TEST_P(ReplyStream, DecodesTheSameHoweverItIsSplit) {
  const std::string_view stream = GetParam().stream;
  EXPECT_EQ(decode(stream, {stream.size()}), GetParam().want);
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      ASSERT_EQ(decode(stream, {first, second, stream.size()}), GetParam().want) << first << ' ' << second;
    }
  }
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= stream.size(); ++i) each.push_back(i);
  EXPECT_EQ(decode(stream, each), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReplyStream,
    testing::Values(
        Case{"Simple", "+OK\r\n", "+OK "}, Case{"EmptySimple", "+\r\n", "+ "},
        Case{"Error", "-NOJOB gone\r\n", "-NOJOB gone "}, Case{"Integers", ":0\r\n:-12\r\n", "0 -12 "},
        Case{"Bulk", "$5\r\nab\r\nc\r\n", "'ab\r\nc' "}, Case{"EmptyBulk", "$0\r\n\r\n", "'' "},
        Case{"Nulls", "$-1\r\n*-1\r\n", "null none "}, Case{"EmptyArray", "*0\r\n+x\r\n", "[] +x "},
        Case{"Array", "*3\r\n$1\r\na\r\n:7\r\n$-1\r\n", "['a' 7 null] "},
        Case{"Nested", "*3\r\n*2\r\n+a\r\n*1\r\n:1\r\n*0\r\n*1\r\n*1\r\n$1\r\nz\r\n", "[[+a [1]] [] [['z']]] "},
        Case{"Many", "*5\r\n*1\r\n:1\r\n*1\r\n:2\r\n*1\r\n:3\r\n*1\r\n:4\r\n*1\r\n:5\r\n", "[[1] [2] [3] [4] [5]] "},
        Case{"Unfinished", "+OK\r\n*2\r\n+a\r\n", "+OK ..."},
        Case{"Garbage", "hello\r\n", "! Protocol error: a reply begins with byte 104"},
        Case{"NoNumber", ":1x\r\n", "! Protocol error: a reply's number is none"},
        Case{"NegativeBulk", "$-2\r\n", "! Protocol error: a bulk of -2 bytes"},
        Case{"LooseBulk", "$1\r\nabc\r\n", "! Protocol error: a bulk does not end in CR LF"},
        Case{"BareLineFeed", "+OK\n", "! Protocol error: a line of a reply does not end in CR LF"}),
    [](const auto& row) { return row.param.name; });

TEST(ReplyDecoder, GrowingArraysKeepTheirNesting) {
  // More elements than are reserved on trust, so that arrays move while their last element is open.
  std::string stream;
  std::string want = "[";
  append_array(stream, 3000);
  for (int i = 0; i < 3000; ++i) {
    append_array(stream, 2);
    append_bulk(stream, "job");
    append_array(stream, 1);
    append_integer(stream, i);
    want += (i > 0 ? " " : "") + ("['job' [" + std::to_string(i) + "]]");
  }
  EXPECT_EQ(decode(stream, {stream.size()}), want + "] ");
  EXPECT_EQ(decode(stream, {1, 20'000, 20'001, 40'000, stream.size()}), want + "] ");
}

TEST(ReplyDecoder, DepthIsLimited) {
  std::string stream;
  for (int i = 0; i < 17; ++i) append_array(stream, 1);
  EXPECT_EQ(decode(stream, {stream.size()}), "! Protocol error: arrays are nested too deeply");
}

TEST(ReplyDecoder, LimitsAreMetExactly) {
  const ReplyLimits limits{.line = 4, .bulk = 3, .elements = 2, .depth = 1};
  EXPECT_EQ(decode("+abc\r\n", {6}, {.line = 5}), "+abc ");
  EXPECT_EQ(decode("+abcdefgh\r\n", {11}, limits), "! Protocol error: a line of a reply is too long");
  EXPECT_EQ(decode("+abcdefgh", {9}, limits), "! Protocol error: a line of a reply is too long");
  EXPECT_EQ(decode("$4\r\n", {4}, limits), "! Protocol error: a bulk of 4 bytes");
  EXPECT_EQ(decode("*3\r\n", {4}, limits), "! Protocol error: an array of 3 elements");
}

TEST(ReplyDecoder, AnnouncesWhatIsMissing) {
  ReplyDecoder decoder;
  EXPECT_EQ(decoder.next("$1000\r\nabc"), Step::incomplete);
  EXPECT_EQ(decoder.missing(), 999u);
}

TEST(Reply, TellsItsErrorCode) {
  ReplyDecoder decoder;
  ASSERT_EQ(decoder.next("-NOJOB it is gone\r\n"), Step::reply);
  EXPECT_EQ(decoder.reply().error_code(), "NOJOB");
  ReplyDecoder other;
  ASSERT_EQ(other.next("+NOJOB it is gone\r\n"), Step::reply);
  EXPECT_EQ(other.reply().error_code(), "");
}

TEST(Encode, LineBreaksCannotEndALine) {
  std::string out;
  append_error(out, "ERR a\r\nb");
  append_simple(out, "c\nd");
  append_bulk_number(out, 18446744073709551615u);
  EXPECT_EQ(out, "-ERR a  b\r\n+c d\r\n$20\r\n18446744073709551615\r\n");
}

}  // namespace
}  // namespace coworker::channel::resp
