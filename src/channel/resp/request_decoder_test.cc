#include "channel/resp/request_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "channel/resp/encode.h"

namespace coworker::channel::resp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Step = RequestDecoder::Step;
using Words = std::vector<std::string>;

Words words_of(const RequestDecoder& decoder) {
  return {decoder.words().begin(), decoder.words().end()};
}

/// What a stream decodes to: its requests, and the error that ended it.
struct Decoded {
  std::vector<Words> requests;
  std::string error;
  std::size_t left = 0;  // bytes of an unfinished request

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

/// Feeds `stream` in pieces that end at `cuts`. Each piece arrives in memory of its own that is exactly as
/// long as what is unread, so that a sanitizer sees every byte read beyond it or kept from before.
Decoded decode(std::string_view stream, const std::vector<std::size_t>& cuts, RequestLimits limits = {}) {
  RequestDecoder decoder{limits};
  Decoded result;
  std::size_t consumed = 0;
  for (const std::size_t end : cuts) {
    while (true) {
      const std::size_t size = end - consumed;
      auto memory = std::make_unique<char[]>(size);
      stream.substr(consumed, size).copy(memory.get(), size);
      const Step step = decoder.next({memory.get(), size});
      if (step == Step::malformed) {
        result.error = decoder.error();
        return result;
      }
      if (step == Step::incomplete) break;
      if (!decoder.words().empty()) result.requests.push_back(words_of(decoder));
      consumed += decoder.consumed();
    }
  }
  result.left = stream.size() - consumed;
  return result;
}

Decoded decode_whole(std::string_view stream, RequestLimits limits = {}) {
  return decode(stream, {stream.size()}, limits);
}

struct Case {
  const char* name;
  std::string stream;
  std::vector<Words> want;
  const char* error = "";
};

using namespace std::string_literals;

const Case kCases[] = {
    {"Array", "*2\r\n$4\r\nQLEN\r\n$1\r\nq\r\n", {{"QLEN", "q"}}},
    {"EmptyWord", "*2\r\n$4\r\nQLEN\r\n$0\r\n\r\n", {{"QLEN", ""}}},
    {"BinaryWord", "*1\r\n$6\r\n\0\r\n*1\xff\r\n"s, {{"\0\r\n*1\xff"s}}},
    {"Pipeline", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", {{"PING"}, {"QUIT"}}},
    {"BytesAfterAPayloadAreNotLookedAt", "*2\r\n$4\r\nPINGxy$2\r\nhizz", {{"PING", "hi"}}},
    {"EmptyArraysAreSkipped", "*0\r\n*-1\r\n*-7\r\n*1\r\n$4\r\nPING\r\n", {{"PING"}}},
    {"Inline", "PING\r\n", {{"PING"}}},
    {"InlineEndedByLineFeed", "addjob q  body\t0\nPING\n", {{"addjob", "q", "body", "0"}, {"PING"}}},
    {"BlankLinesAreSkipped", "\r\n\n  \r\nPING\r\n", {{"PING"}}},
    {"InlineThenArray", "PING\r\n*1\r\n$4\r\nTIME\r\nPING\n", {{"PING"}, {"TIME"}, {"PING"}}},
    {"DoubleQuotes", "a \"b c\" \"\\x41\\n\\r\\t\\b\\a\\\\\\\"\\z\"\n", {{"a", "b c", "A\n\r\t\b\a\\\"z"}}},
    {"BadHexIsTheLetter", "\"\\xZZ\\x4\"\n", {{"xZZx4"}}},
    {"SingleQuotes", "'b c' '\\'\\n'\n", {{"b c", "'\\n"}}},
    {"QuoteEndsAWordBegunWithout", "a\"b c\" d\n", {{"ab c", "d"}}},
    {"EmptyQuotedWordsVanish", "addjob q \"\" '' 0\n", {{"addjob", "q", "0"}}},
    {"UnbalancedDoubleQuote", "PING\na \"b\nPING\n", {{"PING"}}, "Protocol error: unbalanced quotes in request"},
    {"UnbalancedSingleQuote", "a 'b\n", {}, "Protocol error: unbalanced quotes in request"},
    {"QuoteInTheMiddle", "\"a\"b\n", {}, "Protocol error: unbalanced quotes in request"},
    {"BackslashAtTheEnd", "\"a\\\n", {}, "Protocol error: unbalanced quotes in request"},
    {"GarbageCount", "*x\r\n", {}, "Protocol error: invalid multibulk length"},
    {"EmptyCount", "*\r\n", {}, "Protocol error: invalid multibulk length"},
    {"CountWithSign", "*+1\r\n", {}, "Protocol error: invalid multibulk length"},
    {"TooManyWords", "*1048577\r\n", {}, "Protocol error: invalid multibulk length"},
    {"CountBeyond64Bits", "*99999999999999999999\r\n", {}, "Protocol error: invalid multibulk length"},
    {"EndlessCount", "*111111111111111111111111111111111111111111", {}, "Protocol error: invalid multibulk length"},
    {"NoBulk", "*1\r\nPING\r\n", {}, "Protocol error: expected '$', got 'P'"},
    {"NoBulkUnprintable", "*1\r\n\x01", {}, "Protocol error: expected '$', got '\\x01'"},
    {"NegativeBulk", "*1\r\n$-1\r\n", {}, "Protocol error: invalid bulk length"},
    {"OversizedBulk", "*1\r\n$536870913\r\n", {}, "Protocol error: invalid bulk length"},
    {"GarbageBulk", "*1\r\n$1a\r\n", {}, "Protocol error: invalid bulk length"},
};

class RequestStream : public testing::TestWithParam<Case> {};

TEST_P(RequestStream, DecodesWhole) {
  const Decoded got = decode_whole(GetParam().stream);
  EXPECT_EQ(got.requests, GetParam().want);
  EXPECT_EQ(got.error, GetParam().error);
  EXPECT_EQ(got.left, 0u);
}

TEST_P(RequestStream, DecodesTheSameHoweverItIsSplit) {
  const std::string& stream = GetParam().stream;
  const Decoded whole = decode_whole(stream);
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      ASSERT_EQ(decode(stream, {first, second, stream.size()}), whole) << first << ' ' << second;
    }
  }
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= stream.size(); ++i) each.push_back(i);
  EXPECT_EQ(decode(stream, each), whole);
}

INSTANTIATE_TEST_SUITE_P(Table, RequestStream, testing::ValuesIn(kCases),
                         [](const auto& row) { return row.param.name; });

TEST(RequestDecoder, LimitsAreMetExactly) {
  const RequestLimits limits{.line = 8, .words = 2, .bulk = 4};
  EXPECT_THAT(decode_whole("12345678\n", limits).requests, ElementsAre(Words{"12345678"}));
  EXPECT_EQ(decode_whole("123456789\n", limits).error, "Protocol error: too big inline request");
  EXPECT_EQ(decode_whole("123456789", limits).error, "Protocol error: too big inline request");
  EXPECT_EQ(decode_whole("12345678", limits).left, 8u);
  EXPECT_THAT(decode_whole("*2\r\n$4\r\nPING\r\n$4\r\nabcd\r\n", limits).requests, ElementsAre(Words{"PING", "abcd"}));
  EXPECT_EQ(decode_whole("*1\r\n$5\r\n", limits).error, "Protocol error: invalid bulk length");
  EXPECT_EQ(decode_whole("*3\r\n", limits).error, "Protocol error: invalid multibulk length");
}

TEST(RequestDecoder, WordsPointIntoTheInput) {
  const std::string stream = "*2\r\n$4\r\nQLEN\r\n$1\r\nq\r\n";
  RequestDecoder decoder;
  ASSERT_EQ(decoder.next(stream), Step::request);
  for (const std::string_view word : decoder.words()) {
    EXPECT_GE(word.data(), stream.data());
    EXPECT_LE(word.data() + word.size(), stream.data() + stream.size());
  }
}

TEST(RequestDecoder, AnnouncedSizesCostNothing) {
  RequestDecoder decoder;
  EXPECT_EQ(decoder.next("*1048576\r\n$536870912\r\n"), Step::incomplete);
  EXPECT_EQ(decoder.missing(), 536870914u);
  EXPECT_LT(decoder.memory(), 1024u);
}

TEST(RequestDecoder, AnErrorStays) {
  RequestDecoder decoder;
  EXPECT_EQ(decoder.next("*x\r\n"), Step::malformed);
  EXPECT_EQ(decoder.next("*1\r\n$4\r\nPING\r\n"), Step::malformed);
}

TEST(RequestDecoder, ReadsWhatTheEncoderWrites) {
  std::string stream;
  append_request(stream, {"ADDJOB", "", std::string_view{"\0\r\n", 3}});
  EXPECT_THAT(decode_whole(stream).requests, ElementsAre(Words{"ADDJOB", "", std::string{"\0\r\n", 3}}));
}

}  // namespace
}  // namespace coworker::channel::resp
