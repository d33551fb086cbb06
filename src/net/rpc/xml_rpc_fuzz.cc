#include <cstdlib>
#include <string>

#include "net/rpc/xml_rpc.h"

// What was read as a value is written, and read again as the same value.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace coworker;
  using namespace coworker::net::rpc;
  const auto call = parse_xml_call({reinterpret_cast<const char*>(data), size});
  if (!call || call->params.empty()) return 0;
  const std::string written = xml_response(call->params.front());
  if (written.find('\n') != std::string::npos) std::abort();
  const std::string_view value = std::string_view{written}.substr(written.find("<param>"));
  const std::string again = "<methodCall><methodName>m</methodName><params>" +
                            std::string{value.substr(0, value.find("</params>"))} + "</params></methodCall>";
  const auto back = parse_xml_call(again);
  if (!back || back->params.size() != 1 || xml_response(back->params.front()) != written) std::abort();
  return 0;
}
