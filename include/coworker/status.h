#pragma once

#include <optional>
#include <string>
#include <vector>

namespace coworker {

/// A number that a worker tells about itself.
struct Counter {
  std::string name;
  std::optional<double> value{};
  std::string unit{};  // "s", "B", "c", …; empty: none
  std::optional<double> min{};
  std::optional<double> max{};
};

/// What a shared worker answers when it is asked how it is.
struct Status {
  std::optional<std::string> text{};
  std::vector<Counter> counters{};
};

/// Seconds since this process was started.
Counter wall_time_counter();
/// Seconds of processor time that this process has used.
Counter cpu_time_counter();
/// Bytes of this process that are resident; its maximum is the process's limit, if there is one.
Counter memory_counter();

}  // namespace coworker
