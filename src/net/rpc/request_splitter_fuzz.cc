#include <cstdlib>
#include <string>

#include "net/rpc/request_splitter.h"

// What comes out does not depend on where the stream was cut; a head that is no HTTP may be refused sooner or later.
namespace {

using coworker::net::rpc::Request;
using coworker::net::rpc::RequestSplitter;

void take_all(RequestSplitter& splitter, std::string& out) {
  while (const std::optional<Request> request = splitter.next()) {
    out += static_cast<char>('0' + static_cast<int>(request->framing));
    out += std::to_string(request->http.refusal) + (request->is_last ? "!" : ".");
    out += request->http.document + "\x1f" + request->http.token + "\x1e";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 2, size - 2};
  const std::size_t cut = text.empty() ? 0 : data[0] % (text.size() + 1);
  const bool only_lines = data[1] % 4 == 0;
  constexpr std::size_t kMost = 200;
  std::string whole;
  std::string parts;
  RequestSplitter one{kMost, only_lines};
  one.append(text);
  take_all(one, whole);
  RequestSplitter two{kMost, only_lines};
  two.append(text.substr(0, cut));
  take_all(two, parts);
  two.append(text.substr(cut));
  take_all(two, parts);
  constexpr std::string_view kRefused = "2400!";
  if (whole.substr(0, whole.find(kRefused)) != parts.substr(0, parts.find(kRefused))) std::abort();
  return 0;
}
