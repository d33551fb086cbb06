#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace coworker::job {

/// A minute of real time, and one that a clock on the wall shows.
using Minute = std::chrono::sys_time<std::chrono::minutes>;
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

/// When the clocks of a place show what: for each moment the offset from UTC, in whole minutes (offsets of the 19th
/// century, which have seconds, are cut).
///
/// A value; the bytes of the system's time zone files come from the caller.
class TimeZone {
 public:
  /// A time without a change of the clocks.
  struct Period {
    Minute begin{};
    Minute end{};                   // of the last one: far away
    std::chrono::minutes offset{};  // local time - UTC
    std::chrono::minutes shift{};   // by how much the clocks were put forward at `begin`; negative: back
  };

  /// UTC.
  TimeZone();

  /// Reads the format of /usr/share/zoneinfo (RFC 8536, versions 2 to 4) with the rule for the time after its last
  /// entry, up to the year 2200. invalid_argument for anything else.
  static Result<TimeZone> decode(std::string_view bytes);

  Period at(Minute minute) const;

 private:
  struct Change {
    Minute at;
    std::chrono::minutes offset;
  };
  std::vector<Change> changes_;  // ascending; the first is before all
};

}  // namespace coworker::job
