#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "coworker/status.h"

/// What a Nagios plugin says of a status, pure.
namespace coworker::worker {

/// The values that raise no alert: `N` is 0 to N, `N:` is N and more, `~:N` is N and less, `A:B` is A to B; the bounds
/// are within. `@` before it: those that do.
struct AlertRange {
  std::optional<double> low{};  // nullopt: no bound
  std::optional<double> high{};
  bool alerts_inside = false;

  bool alerts(double value) const;
  /// As short as it can be written: "5", "1:", "~:0", "@1:2".
  std::string text() const;
};

Result<AlertRange> parse_range(std::string_view text);

/// A counter to test; without a range it is only reported.
struct CounterTest {
  std::string name;
  std::optional<AlertRange> warning{};
  std::optional<AlertRange> critical{};
};

/// The tests that options ask for: each list of ranges is empty or as long as that of the counters.
Result<std::vector<CounterTest>> counter_tests(std::span<const std::string> counters,
                                               std::span<const std::string> warnings,
                                               std::span<const std::string> criticals);

enum class Health : int { ok = 0, warning = 1, critical = 2, unknown = 3 };  // exit codes

struct Verdict {
  Health health = Health::ok;
  std::string output;  // lines without the last newline
};

/// "SHARED-WORKER OK - text | 'name'=1c;10;20;0;100". `subject` is the first word.
Verdict judge(const Status& status, std::span<const CounterTest> tests, std::string_view subject = "SHARED-WORKER");

/// What could not be looked at.
Verdict verdict_of(Health health, std::string_view text, std::string_view subject = "SHARED-WORKER");

}  // namespace coworker::worker
