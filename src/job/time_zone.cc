#include "job/time_zone.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace coworker::job {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::chrono::year kLastYear{2200};
constexpr Minute kFirst{minutes{-4'000'000'000}};
constexpr Minute kFarAway{minutes{4'000'000'000}};
constexpr std::size_t kHeader = 44;
constexpr std::size_t kMostChanges = 10'000;

tl::unexpected<Error> refuse(const char* why) {
  return fail(Errc::invalid_argument, std::string{"this is no time zone file: "} + why);
}

/// Big-endian integers off the front.
std::int64_t take(std::string_view& bytes, std::size_t size) {
  std::uint64_t value = (static_cast<unsigned char>(bytes.front()) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes.substr(0, size)) value = value << 8 | static_cast<unsigned char>(byte);
  bytes.remove_prefix(size);
  return static_cast<std::int64_t>(value);
}

struct Header {
  std::size_t utc_flags, standard_flags, leaps, transitions, types, letters;

  std::size_t size(std::size_t time_size) const {
    return transitions * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + standard_flags + utc_flags;
  }
};

std::optional<Header> read_header(std::string_view bytes) {
  if (bytes.size() < kHeader || !bytes.starts_with("TZif")) return std::nullopt;
  bytes.remove_prefix(20);
  const auto count = [&] { return static_cast<std::size_t>(take(bytes, 4) & 0xffff'ffff); };
  Header header{};
  for (std::size_t* field : {&header.utc_flags, &header.standard_flags, &header.leaps, &header.transitions,
                             &header.types, &header.letters}) {
    *field = count();
    if (*field > kMostChanges) return std::nullopt;
  }
  return header;
}

/// The rule at the end of a file, as the environment variable TZ has it:
///
///     NAME OFFSET [NAME [OFFSET] ,DATE[/TIME],DATE[/TIME]]     DATE: Mmonth.week.weekday, Jday (no 29 February), day
class Rule {
 public:
  /// nullopt: it is none.
  static std::optional<Rule> parse(std::string_view text) {
    Rule rule;
    rule.text_ = text;
    if (!rule.name() || !rule.offset(rule.standard_)) return std::nullopt;
    if (rule.text_.empty()) return rule;
    rule.summer_ = rule.standard_ + hours{1};
    if (!rule.name() || (!rule.text_.starts_with(',') && !rule.offset(rule.summer_))) return std::nullopt;
    if (!rule.date(rule.begin_) || !rule.date(rule.end_) || !rule.text_.empty()) return std::nullopt;
    rule.changes_ = true;
    return rule;
  }

  bool changes() const { return changes_; }
  minutes standard() const { return std::chrono::floor<minutes>(standard_); }
  minutes summer() const { return std::chrono::floor<minutes>(summer_); }
  Minute to_summer(std::chrono::year year) const { return moment(begin_, year, standard_); }
  Minute to_standard(std::chrono::year year) const { return moment(end_, year, summer_); }

 private:
  struct Date {
    char kind = 'M';
    int month = 0, week = 0, day = 0;
    seconds time = hours{2};
  };

  std::optional<int> number(int most) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < text_.size() && digits < 4 && text_[digits] >= '0' && text_[digits] <= '9') {
      value = value * 10 + (text_[digits++] - '0');
    }
    text_.remove_prefix(digits);
    return digits > 0 && value <= most ? std::optional{value} : std::nullopt;
  }
  bool skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool name() {
    const bool quoted = skip('<');
    const std::size_t end = quoted ? text_.find('>') : text_.find_first_of("+-,0123456789");
    if (quoted && end == std::string_view::npos) return false;
    const std::size_t size = std::min(end, text_.size());
    text_.remove_prefix(size);
    if (quoted) text_.remove_prefix(1);
    return size >= 3;
  }
  bool time(seconds& value) {
    const bool negative = skip('-');
    if (!negative) skip('+');
    const std::optional<int> hour = number(167);
    const std::optional<int> minute = skip(':') ? number(59) : 0;
    const std::optional<int> second = skip(':') ? number(59) : 0;
    if (!hour || !minute || !second) return false;
    value = hours{*hour} + minutes{*minute} + seconds{*second};
    if (negative) value = -value;
    return true;
  }
  bool offset(seconds& value) {
    if (!time(value)) return false;
    value = -value;  // it counts westwards
    return true;
  }
  bool date(Date& date) {
    if (!skip(',')) return false;
    date.kind = skip('M') ? 'M' : skip('J') ? 'J' : 'n';
    const std::optional<int> first = number(date.kind == 'M' ? 12 : 365);
    if (!first) return false;
    (date.kind == 'M' ? date.month : date.day) = *first;
    if (date.kind == 'M') {
      const std::optional<int> week = skip('.') ? number(5) : std::nullopt;
      const std::optional<int> day = skip('.') ? number(6) : std::nullopt;
      if (!week || !day || *first < 1 || *week < 1) return false;
      date.week = *week;
      date.day = *day;
    }
    return !skip('/') || time(date.time);
  }

  static Minute moment(const Date& date, std::chrono::year year, seconds before) {
    namespace c = std::chrono;
    c::sys_days day = c::sys_days{year / 1 / 1};
    if (date.kind == 'M') {
      const c::year_month month{year, c::month{static_cast<unsigned>(date.month)}};
      const c::weekday weekday{static_cast<unsigned>(date.day)};
      day = date.week == 5 ? c::sys_days{month / weekday[c::last]}
                           : c::sys_days{month / weekday[static_cast<unsigned>(date.week)]};
    } else {
      const bool is_after_leap_day = date.kind == 'J' && year.is_leap() && date.day >= 60;
      day += days{date.kind == 'J' && !is_after_leap_day ? date.day - 1 : date.day};
    }
    return c::floor<minutes>(day + date.time - before);
  }

  std::string_view text_;
  seconds standard_{0}, summer_{0};
  Date begin_, end_;
  bool changes_ = false;
};

}  // namespace

TimeZone::TimeZone() : changes_{{kFirst, minutes{0}}} {}

Result<TimeZone> TimeZone::decode(std::string_view bytes) {
  const std::optional<Header> old = read_header(bytes);
  if (!old || bytes[4] < '2') return refuse("its header is not of version 2 or later");
  if (bytes.size() < kHeader + old->size(4)) return refuse("it is cut off");
  bytes.remove_prefix(kHeader + old->size(4));
  const std::optional<Header> header = read_header(bytes);
  if (!header || header->types == 0) return refuse("its second header is damaged");
  bytes.remove_prefix(kHeader);
  if (bytes.size() < header->size(8)) return refuse("it is cut off");
  std::string_view times = bytes.substr(0, header->transitions * 8);
  std::string_view kinds = bytes.substr(times.size(), header->transitions);
  const std::string_view types = bytes.substr(times.size() + kinds.size(), header->types * 6);
  std::string_view footer = bytes.substr(header->size(8));
  const auto offset_of = [&](std::size_t type) {
    std::string_view fields = types.substr(type * 6);
    return std::chrono::floor<minutes>(seconds{take(fields, 4)});
  };

  TimeZone zone;
  zone.changes_.front().offset = offset_of(0);
  for (std::size_t i = 0; i < header->transitions; ++i) {
    const Minute at = std::chrono::ceil<minutes>(std::chrono::sys_seconds{seconds{take(times, 8)}});
    const auto type = static_cast<unsigned char>(kinds[i]);
    if (type >= header->types) return refuse("a change names a type that is not there");
    if (at <= kFirst) {
      zone.changes_.front().offset = offset_of(type);
      continue;
    }
    if (at <= zone.changes_.back().at || at >= kFarAway) return refuse("its changes are not in order");
    zone.changes_.push_back({at, offset_of(type)});
  }

  if (!footer.starts_with('\n') || footer.find('\n', 1) == std::string_view::npos) return refuse("its end is missing");
  footer = footer.substr(1, footer.find('\n', 1) - 1);
  if (footer.empty()) return zone;
  const std::optional<Rule> rule = Rule::parse(footer);
  if (!rule) return refuse("its last rule cannot be read");
  const Minute last = zone.changes_.back().at;
  if (!rule->changes()) {
    if (header->transitions == 0) zone.changes_.front().offset = rule->standard();
    return zone;
  }
  const Minute from = std::max(last, Minute{std::chrono::sys_days{std::chrono::year{1970} / 1 / 1}});
  const std::chrono::year_month_day begun{std::chrono::floor<days>(from)};
  std::vector<Change> rest;
  for (std::chrono::year year = begun.year(); year <= kLastYear; ++year) {
    rest.push_back({rule->to_summer(year), rule->summer()});
    rest.push_back({rule->to_standard(year), rule->standard()});
  }
  std::sort(rest.begin(), rest.end(), [](const Change& a, const Change& b) { return a.at < b.at; });
  for (const Change& change : rest) {
    if (change.at > zone.changes_.back().at) zone.changes_.push_back(change);
  }
  return zone;
}

TimeZone::Period TimeZone::at(Minute minute) const {
  auto next = std::upper_bound(changes_.begin(), changes_.end(), minute,
                               [](Minute at, const Change& change) { return at < change.at; });
  if (next == changes_.begin()) ++next;
  const auto current = next - 1;
  Period period;
  period.begin = current->at;
  period.end = next == changes_.end() ? kFarAway : next->at;
  period.offset = current->offset;
  period.shift = current == changes_.begin() ? minutes{0} : current->offset - (current - 1)->offset;
  return period;
}

}  // namespace coworker::job
