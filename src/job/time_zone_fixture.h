#pragma once

#include <string>
#include <string_view>

#include "job/time_zone.h"

/// For tests: time zone files made here.
namespace coworker::job {

inline void append_big_endian(std::string& out, std::int64_t value, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

/// One type of local time, `offset` seconds east, and a rule for all time.
inline std::string zone_file(std::string_view rule, int offset = 0) {
  std::string part{"TZif2"};
  part.append(15, '\0');
  for (const int count : {0, 0, 0, 0, 1, 4}) append_big_endian(part, count, 4);
  append_big_endian(part, offset, 4);
  part.append(2, '\0');
  part.append("LMT\0", 4);
  return part + part + "\n" + std::string{rule} + "\n";
}

inline TimeZone zone_of(std::string_view rule, int offset = 0) {
  return TimeZone::decode(zone_file(rule, offset)).value();
}

inline TimeZone paris() {
  return zone_of("CET-1CEST,M3.5.0,M10.5.0/3");
}

}  // namespace coworker::job
