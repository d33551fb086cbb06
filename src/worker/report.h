#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace coworker::worker {

/// What a worker says of a job while it works at it: how far it is, a line for the job's log, or both.
struct Report {
  std::optional<double> progress{};  // 0 … 1
  std::string text{};                // one line; may be empty
};

/// A line of the log, cut to 4 KiB.
Report log_line(std::string_view text);

/// Hands on the first 1,000 texts of an attempt, and then that there are more; progress always. Never empty.
std::function<void(Report)> limited(std::function<void(Report)> on_report);

/// For people: "25 %: reading", "25 %", "reading".
std::string describe(const Report& report);

}  // namespace coworker::worker
