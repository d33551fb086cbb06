#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "channel/resp/request_decoder.h"

using coworker::channel::resp::RequestDecoder;

namespace {

/// All that a stream decodes to, as one text.
std::string decode(std::string_view stream, std::size_t piece) {
  RequestDecoder decoder{{.line = 64, .words = 64, .bulk = 256}};
  std::string result;
  std::size_t consumed = 0;
  for (std::size_t end = piece;; end += piece) {
    const std::string memory{stream.substr(consumed, end - consumed)};
    std::string_view input = memory;
    while (true) {
      const RequestDecoder::Step step = decoder.next(input);
      if (step == RequestDecoder::Step::malformed) return result + decoder.error();
      if (step == RequestDecoder::Step::incomplete) break;
      CW_CHECK(decoder.consumed() > 0 && decoder.consumed() <= input.size());
      for (const std::string_view word : decoder.words()) result.append(word).append("|");
      if (!decoder.words().empty()) result += "\n";
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
  CW_CHECK(decode(stream, stream.size()) == decode(stream, 1 + data[0] % 7));
  return 0;
}
