#include <cstdlib>
#include <vector>

#include "channel/json_stream.h"

namespace {

using coworker::channel::JsonStream;

struct Cut {
  std::vector<std::string> values;
  std::string error;

  friend bool operator==(const Cut&, const Cut&) = default;
};

/// False: the stream is at its end.
bool take(JsonStream& stream, Cut& cut, bool is_last) {
  for (;;) {
    const auto text = is_last ? stream.last() : stream.next();
    if (!text) cut.error = text.error().message();
    if (!text) return false;
    if (!*text) return true;
    cut.values.emplace_back(**text);
  }
}

Cut cut_in_pieces(std::string_view bytes, std::size_t piece) {
  JsonStream stream{{256, 16}};
  Cut cut;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    stream.append(bytes.substr(at, piece));
    if (!take(stream, cut, false)) return cut;
  }
  take(stream, cut, true);
  return cut;
}

}  // namespace

// However a stream is cut into pieces, the same values and the same error come out; and a value alone is one value.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const Cut whole = cut_in_pieces(bytes, std::max<std::size_t>(size, 1));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    if (!(cut_in_pieces(bytes, piece) == whole)) std::abort();
  }
  for (const std::string& value : whole.values) {
    if (!(cut_in_pieces(value, value.size()) == Cut{{value}, ""})) std::abort();
  }
  return 0;
}
