#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "job/envelope.h"

/// Whatever is taken for an envelope must come back the same after being wrapped again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coworker::job;
  const auto first = parse_envelope({reinterpret_cast<const char*>(data), size});
  if (!first) return 0;
  const auto second = parse_envelope(make_envelope(first->body, first->metadata));
  CW_CHECK(second && !second->bare);
  CW_CHECK(second->body == first->body && second->metadata == first->metadata);
  const auto stamped =
      parse_envelope(make_envelope(first->body, write_stamp(first->metadata, Stamp{1, 2, 3, "D-1", 4})));
  CW_CHECK(stamped && read_stamp(stamped->metadata).retries == 4);
  return 0;
}
