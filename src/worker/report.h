#pragma once

#include <optional>
#include <string>

namespace coworker::worker {

/// What a worker says of a job while it works at it: how far it is, a line for the job's log, or both.
struct Report {
  std::optional<double> progress{};  // 0 … 1
  std::string text{};                // one line; may be empty
};

/// For people: "25 %: reading", "25 %", "reading".
std::string describe(const Report& report);

}  // namespace coworker::worker
