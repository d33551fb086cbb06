#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "job/time_zone.h"

namespace coworker::job {

/// The minutes at which a crontab's row is due.
///
///     minute 0-59 · hour 0-23 · day of month 1-31 · month 1-12 or JAN-DEC · weekday 0-7 or SUN-SAT (0 and 7: Sunday)
///
///     * ?       all                      a,b         any of these, which may be anything below
///     a-b       from a to b, a <= b      a/n         a, a+n, … to the end     */n  a-b/n  every n-th
///     L         (day of month) the last one            15W   the weekday (MON-FRI) nearest to the 15th in its month
///     5L        (weekday) the last Friday              5#2   the second Friday
///
/// Names may be written in any case. Where both the day of month and the weekday are restricted, a day that one of
/// them names is enough; a field that begins with * or ? does not restrict.
///
/// When the clocks are put forward, a row that is due in the hour left out is due once, in the first minute after it.
/// When they are put back, what was due in the first of the two equal hours is not due again in the second. A row that
/// names all hours follows elapsed time instead: nothing is made up for, nothing left out.
///
/// A value, immutable.
class CronTimes {
 public:
  /// Five fields with blanks between them, or @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly.
  /// invalid_argument names the field; also for a row that would never be due.
  static Result<CronTimes> parse(std::string_view text);

  /// The first minute after `after` at which it is due; none within the next forty years.
  std::optional<Minute> next(Minute after, const TimeZone& zone) const;

 private:
  Result<> parse_fields(const std::array<std::string_view, 5>& fields);
  bool is_on(std::chrono::year_month_day date) const;
  std::optional<LocalMinute> next_local(LocalMinute from, LocalMinute limit) const;

  std::uint64_t minutes_ = 0;
  std::uint64_t hours_ = 0;
  std::uint64_t days_ = 0;
  std::uint64_t months_ = 0;
  std::uint64_t weekdays_ = 0;
  std::uint64_t nearest_ = 0;  // days whose nearest weekday counts
  bool last_day_ = false;
  std::uint64_t last_weekdays_ = 0;
  std::array<std::uint64_t, 6> nth_weekdays_{};  // [2]: of the second ones
  bool either_ = false;                          // both kinds of day are restricted
};

/// What is done about minutes that no scheduler was there for.
enum class CatchUp : std::uint8_t { none, last, all };

}  // namespace coworker::job
