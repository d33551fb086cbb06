#include "job/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <span>
#include <string>

namespace coworker::job {
namespace {

namespace c = std::chrono;
using namespace std::string_view_literals;

constexpr std::uint64_t kAllHours = (std::uint64_t{1} << 24) - 1;
constexpr c::years kFarthest{41};  // 29 February on a given weekday may take forty years

constexpr std::array kMonths{"JAN"sv, "FEB"sv, "MAR"sv, "APR"sv, "MAY"sv, "JUN"sv,
                             "JUL"sv, "AUG"sv, "SEP"sv, "OCT"sv, "NOV"sv, "DEC"sv};
constexpr std::array kWeekdays{"SUN"sv, "MON"sv, "TUE"sv, "WED"sv, "THU"sv, "FRI"sv, "SAT"sv};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames{{{"@yearly", "0 0 1 1 *"},
                                                                               {"@annually", "0 0 1 1 *"},
                                                                               {"@monthly", "0 0 1 * *"},
                                                                               {"@weekly", "0 0 * * 0"},
                                                                               {"@daily", "0 0 * * *"},
                                                                               {"@midnight", "0 0 * * *"},
                                                                               {"@hourly", "0 * * * *"}}};

constexpr std::uint64_t bit(unsigned at) {
  return std::uint64_t{1} << at;
}

std::string capitals(std::string_view text) {
  std::string out{text};
  for (char& each : out) each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
  return out;
}

/// One of the five, while it is read.
struct Field {
  std::string_view name;
  unsigned least;
  unsigned most;
  unsigned end;  // of open ranges: a weekday 7 is Sunday again
  std::span<const std::string_view> names;

  tl::unexpected<Error> refuse(std::string_view text, std::string_view why) const {
    return fail(Errc::invalid_argument, fmt::format("{} '{}' {}", name, text, why));
  }

  Result<unsigned> value(std::string_view text) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (capitals(text) == names[i]) return static_cast<unsigned>(i) + least;
    }
    const bool is_number = !text.empty() && text.size() <= 3 &&
                           std::all_of(text.begin(), text.end(), [](char each) { return each >= '0' && each <= '9'; });
    if (!is_number) return refuse(text, "is neither a number nor one of its names");
    unsigned number = 0;
    for (const char digit : text) number = number * 10 + static_cast<unsigned>(digit - '0');
    if (number < least || number > most) return refuse(text, fmt::format("is not in {}-{}", least, most));
    return number;
  }

  /// * · ? · a · a-b, each with /n or without.
  Result<std::uint64_t> range(std::string_view text) const {
    const std::size_t slash = text.find('/');
    const std::string_view span = text.substr(0, slash);
    const std::size_t dash = span.find('-');
    unsigned from = least;
    unsigned to = end;
    if (span != "*" && span != "?") {
      const Result<unsigned> first = value(span.substr(0, dash));
      if (!first) return tl::unexpected{first.error()};
      from = *first;
      if (dash != std::string_view::npos) {
        const Result<unsigned> last = value(span.substr(dash + 1));
        if (!last) return tl::unexpected{last.error()};
        // SAT-SUN: a week also ends with a Sunday.
        to = *last == 0 && most == 7 && span.substr(dash + 1) != "0" ? 7 : *last;
        if (to < from) return refuse(text, "runs backwards");
      } else if (slash == std::string_view::npos) {
        to = from;
      } else {
        to = std::max(from, end);
      }
    }
    unsigned step = 1;
    if (slash != std::string_view::npos) {
      const std::string_view digits = text.substr(slash + 1);
      const Result<unsigned> number = Field{name, 1, 999, 999, {}}.value(digits);
      if (!number) return refuse(text, "has no step of 1 or more");
      step = *number;
    }
    std::uint64_t bits = 0;
    for (unsigned each = from; each <= to; each += step) bits |= bit(each);
    return bits;
  }
};

constexpr Field kMinute{"minute", 0, 59, 59, {}};
constexpr Field kHour{"hour", 0, 23, 23, {}};
constexpr Field kDay{"day of month", 1, 31, 31, {}};
constexpr Field kMonth{"month", 1, 12, 12, kMonths};
constexpr Field kWeekday{"weekday", 0, 7, 6, kWeekdays};

/// Calls `read` for each element of the list until one fails.
template <class Read>
Result<> each_of(std::string_view list, Read read) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (Result<> outcome = read(list.substr(0, comma)); !outcome) return outcome;
    if (comma == std::string_view::npos) return {};
    list.remove_prefix(comma + 1);
  }
}

Result<> add_range(const Field& field, std::string_view text, std::uint64_t& bits) {
  const Result<std::uint64_t> range = field.range(text);
  if (!range) return tl::unexpected{range.error()};
  bits |= *range;
  return {};
}

Result<std::uint64_t> plain(const Field& field, std::string_view list) {
  std::uint64_t bits = 0;
  Result<> outcome = each_of(list, [&](std::string_view text) { return add_range(field, text, bits); });
  if (!outcome) return tl::unexpected{std::move(outcome.error())};
  return bits;
}

bool ends_with(std::string_view text, char letter) {
  return text.size() > 1 && std::toupper(static_cast<unsigned char>(text.back())) == letter;
}

bool restricts(std::string_view field) {
  return field.front() != '*' && field.front() != '?';
}

unsigned days_in(c::year_month month) {
  return static_cast<unsigned>((month / c::last).day());
}

/// The working day nearest to `day` of the month, within it; 0 where the month has no such day.
unsigned nearest_weekday(c::year_month month, unsigned day) {
  const unsigned last = days_in(month);
  if (day > last) return 0;
  const c::weekday weekday{c::local_days{month / c::day{day}}};
  if (weekday == c::Saturday) return day > 1 ? day - 1 : day + 2;
  if (weekday == c::Sunday) return day < last ? day + 1 : day - 2;
  return day;
}

}  // namespace

Result<CronTimes> CronTimes::parse(std::string_view text) {
  if (text.starts_with('@')) {
    const auto named = std::find_if(kNames.begin(), kNames.end(),
                                    [&](const auto& each) { return capitals(each.first) == capitals(text); });
    if (named == kNames.end()) {
      return fail(Errc::invalid_argument, fmt::format("'{}' is not one of @yearly, @monthly, @weekly, @daily, "
                                                      "@hourly (and @annually, @midnight)",
                                                      text));
    }
    text = named->second;
  }
  std::array<std::string_view, 5> fields;
  std::size_t count = 0;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) break;
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    if (count == fields.size()) return fail(Errc::invalid_argument, "there are more than five fields");
    fields[count++] = text.substr(0, end);
    text.remove_prefix(end);
  }
  if (count < fields.size()) return fail(Errc::invalid_argument, "there are less than five fields");
  CronTimes times;
  if (Result<> outcome = times.parse_fields(fields); !outcome) return tl::unexpected{std::move(outcome.error())};
  if (!times.next(Minute{c::sys_days{c::year{2000} / 1 / 1}}, TimeZone{})) {
    return fail(Errc::invalid_argument, "it is never due: no month has such a day");
  }
  return times;
}

Result<> CronTimes::parse_fields(const std::array<std::string_view, 5>& fields) {
  for (const auto& [field, text, bits] :
       {std::tuple{&kMinute, fields[0], &minutes_}, {&kHour, fields[1], &hours_}, {&kMonth, fields[3], &months_}}) {
    const Result<std::uint64_t> read = plain(*field, text);
    if (!read) return tl::unexpected{read.error()};
    *bits = *read;
  }
  Result<> outcome = each_of(fields[2], [&](std::string_view text) -> Result<> {
    if (capitals(text) == "L") {
      last_day_ = true;
      return {};
    }
    if (!ends_with(text, 'W')) return add_range(kDay, text, days_);
    const Result<unsigned> day = kDay.value(text.substr(0, text.size() - 1));
    if (!day) return tl::unexpected{day.error()};
    nearest_ |= bit(*day);
    return {};
  });
  if (!outcome) return outcome;
  outcome = each_of(fields[4], [&](std::string_view text) -> Result<> {
    const std::size_t sharp = text.find('#');
    if (sharp == std::string_view::npos && !ends_with(text, 'L')) return add_range(kWeekday, text, weekdays_);
    const bool is_nth = sharp != std::string_view::npos;
    const Result<unsigned> weekday = kWeekday.value(text.substr(0, is_nth ? sharp : text.size() - 1));
    if (!weekday) return tl::unexpected{weekday.error()};
    if (!is_nth) {
      last_weekdays_ |= bit(*weekday % 7);
      return {};
    }
    const Result<unsigned> nth = Field{"number of the weekday", 1, 5, 5, {}}.value(text.substr(sharp + 1));
    if (!nth) return tl::unexpected{nth.error()};
    nth_weekdays_.at(*nth) |= bit(*weekday % 7);
    return {};
  });
  if (!outcome) return outcome;
  if ((weekdays_ & bit(7)) != 0) weekdays_ |= bit(0);
  either_ = restricts(fields[2]) && restricts(fields[4]);
  return {};
}

bool CronTimes::is_on(c::year_month_day date) const {
  const auto day = static_cast<unsigned>(date.day());
  const c::year_month month{date.year(), date.month()};
  const unsigned last = days_in(month);
  bool by_day = (days_ & bit(day)) != 0 || (last_day_ && day == last);
  for (std::uint64_t left = nearest_; left != 0 && !by_day; left &= left - 1) {
    by_day = nearest_weekday(month, static_cast<unsigned>(std::countr_zero(left))) == day;
  }
  const std::uint64_t weekday = bit(c::weekday{c::local_days{date}}.c_encoding());
  const bool by_weekday = (weekdays_ & weekday) != 0 || ((last_weekdays_ & weekday) != 0 && day + 7 > last) ||
                          (nth_weekdays_.at((day + 6) / 7) & weekday) != 0;
  return either_ ? by_day || by_weekday : by_day && by_weekday;
}

// The first due minute from `from` on and before `limit`, by the calendar alone.
std::optional<LocalMinute> CronTimes::next_local(LocalMinute from, LocalMinute limit) const {
  for (c::local_days day = c::floor<c::days>(from); day < limit;) {
    const c::year_month_day date{day};
    if ((months_ & bit(static_cast<unsigned>(date.month()))) == 0) {
      day = c::local_days{(c::year_month{date.year(), date.month()} + c::months{1}) / 1};
      continue;
    }
    if (is_on(date)) {
      const auto begun = std::max(from - LocalMinute{day}, c::minutes{0});
      const auto first_hour = static_cast<unsigned>(begun / c::hours{1});
      for (std::uint64_t hours = hours_ >> first_hour << first_hour; hours != 0; hours &= hours - 1) {
        const auto hour = static_cast<unsigned>(std::countr_zero(hours));
        const auto first_minute = hour == first_hour ? static_cast<unsigned>(begun % c::hours{1} / c::minutes{1}) : 0;
        const std::uint64_t minutes = minutes_ >> first_minute << first_minute;
        if (minutes == 0) continue;
        const LocalMinute found = LocalMinute{day} + c::hours{hour} + c::minutes{std::countr_zero(minutes)};
        return found < limit ? std::optional{found} : std::nullopt;
      }
    }
    day += c::days{1};
  }
  return std::nullopt;
}

std::optional<Minute> CronTimes::next(Minute after, const TimeZone& zone) const {
  const auto on_the_wall = [](Minute minute, c::minutes offset) {
    return LocalMinute{minute.time_since_epoch() + offset};
  };
  const bool follows_elapsed_time = hours_ == kAllHours;
  const Minute limit = after + c::ceil<c::minutes>(kFarthest);
  for (Minute minute = after + c::minutes{1}; minute < limit;) {
    const TimeZone::Period period = zone.at(minute);
    if (!follows_elapsed_time && period.shift > c::minutes{0} && minute == period.begin) {
      const LocalMinute shown = on_the_wall(minute, period.offset);
      if (next_local(shown - period.shift, shown)) return minute;
    }
    // What the clocks show again after they were put back is over.
    if (!follows_elapsed_time && period.shift < c::minutes{0}) minute = std::max(minute, period.begin - period.shift);
    const Minute end = std::min(period.end, limit);
    if (minute < end) {
      const auto found = next_local(on_the_wall(minute, period.offset), on_the_wall(end, period.offset));
      if (found) return Minute{found->time_since_epoch() - period.offset};
    }
    minute = end;
  }
  return std::nullopt;
}

}  // namespace coworker::job
