#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "channel/resp/encode.h"
#include "channel/resp/reply_decoder.h"

using namespace coworker::channel::resp;

namespace {

void encode(std::string& out, const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::simple:
      return append_simple(out, reply.text);
    case Reply::Type::error:
      return append_error(out, reply.text);
    case Reply::Type::integer:
      return append_integer(out, reply.integer);
    case Reply::Type::bulk:
      return append_bulk(out, reply.text);
    case Reply::Type::null_bulk:
      return append_null_bulk(out);
    case Reply::Type::null_array:
      return append_null_array(out);
    case Reply::Type::array:
      break;
  }
  append_array(out, reply.elements.size());
  for (const Reply& element : reply.elements) encode(out, element);
}

/// All that a stream decodes to, encoded again.
std::string recode(std::string_view stream, std::size_t piece) {
  ReplyDecoder decoder{{.line = 64, .bulk = 256, .elements = 4096, .depth = 8}};
  std::string result;
  std::size_t consumed = 0;
  for (std::size_t end = piece;; end += piece) {
    const std::string memory{stream.substr(consumed, end - consumed)};
    std::string_view input = memory;
    while (true) {
      const ReplyDecoder::Step step = decoder.next(input);
      if (step == ReplyDecoder::Step::malformed) return result + decoder.error();
      if (step == ReplyDecoder::Step::incomplete) break;
      CW_CHECK(decoder.consumed() > 0 && decoder.consumed() <= input.size());
      encode(result, decoder.reply());
      consumed += decoder.consumed();
      input.remove_prefix(decoder.consumed());
    }
    if (end >= stream.size()) return result;
  }
}

}  // namespace

/// The first byte chooses how the rest is cut: what comes out must not depend on it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream{reinterpret_cast<const char*>(data) + 1, size - 1};
  CW_CHECK(recode(stream, stream.size()) == recode(stream, 1 + data[0] % 7));
  return 0;
}
