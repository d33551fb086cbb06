#include <cstdlib>
#include <string>

#include "net/rpc/php.h"

// What is read is written in a way that is read again.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace coworker::net::rpc;
  const auto map = php_unserialize({reinterpret_cast<const char*>(data), size});
  if (!map) return 0;
  const std::string written = php_serialize(*map);
  const auto back = php_unserialize(written);
  if (!back || php_serialize(*back) != written) std::abort();
  return 0;
}
