#include "worker/nagios.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace coworker::worker {
namespace {

std::string_view name_of(Health health) {
  constexpr std::string_view kNames[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  return kNames[static_cast<int>(health)];
}

Result<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) {
    return fail(Errc::invalid_argument, fmt::format("'{}' is no number", text));
  }
  return number;
}

std::string without(std::string_view text, std::string_view removed) {
  std::string out;
  for (const char c : text) {
    if (removed.find(c) == std::string_view::npos && static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

/// Non-blank lines, trimmed; `|` begins the performance data, so there is none in a text.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line = without(text.substr(0, end), "|");
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin != std::string::npos) lines.push_back(line.substr(begin, line.find_last_not_of(' ') - begin + 1));
  }
  return lines;
}

std::string number_text(const std::optional<double>& number) {
  return number && std::isfinite(*number) ? fmt::format("{}", *number) : std::string{};
}

std::string datum_of(const Counter& counter, const CounterTest* test) {
  const auto range = [](const std::optional<AlertRange>& each) { return each ? each->text() : std::string{}; };
  const std::string value = number_text(counter.value);
  std::string text = fmt::format("'{}'={}{};{};{};{};{}", without(counter.name, "'=|"), value.empty() ? "U" : value,
                                 value.empty() ? "" : without(counter.unit, ";|"), test ? range(test->warning) : "",
                                 test ? range(test->critical) : "", number_text(counter.min), number_text(counter.max));
  text.erase(text.find_last_not_of(';') + 1);
  return text;
}

Health health_of(const CounterTest& test, double value) {
  if (test.critical && test.critical->alerts(value)) return Health::critical;
  if (test.warning && test.warning->alerts(value)) return Health::warning;
  return Health::ok;
}

/// The first datum ends the first line, the second the last line of the text; each other has its own.
std::string lay_out(std::string_view subject, Health health, std::string_view text,
                    const std::vector<std::string>& data) {
  std::vector<std::string> lines = lines_of(text);
  const std::string head = fmt::format("{} {}", subject, name_of(health));
  if (lines.empty()) {
    lines.push_back(head);
  } else {
    lines.front() = fmt::format("{} - {}", head, lines.front());
  }
  const bool is_one_line = lines.size() == 1;
  if (!data.empty()) lines.front() += " | " + data[0];
  if (data.size() > 1) {
    if (is_one_line) {
      lines.push_back("| " + data[1]);
    } else {
      lines.back() += " | " + data[1];
    }
  }
  for (std::size_t i = 2; i < data.size(); ++i) lines.push_back(data[i]);
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace

bool AlertRange::alerts(double value) const {
  const bool is_inside = (!low || value >= *low) && (!high || value <= *high);
  return is_inside == alerts_inside;
}

std::string AlertRange::text() const {
  std::string out = alerts_inside ? "@" : "";
  if (!low) out += "~:";
  if (low && (*low != 0 || !high)) out += fmt::format("{}:", *low);
  if (high) out += fmt::format("{}", *high);
  return out;
}

Result<AlertRange> parse_range(std::string_view text) {
  const std::string_view whole = text;
  AlertRange range;
  if (text.starts_with('@')) {
    range.alerts_inside = true;
    text.remove_prefix(1);
  }
  const std::size_t colon = text.find(':');
  const std::string_view low = colon == std::string_view::npos ? "" : text.substr(0, colon);
  const std::string_view high = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto wrong = [&](std::string_view why) {
    return fail(Errc::invalid_argument, fmt::format("the range '{}' is wrong: {}", whole, why));
  };
  if (text.empty()) return wrong("there is no bound");
  range.low = 0;
  if (low == "~") {
    range.low.reset();
  } else if (!low.empty()) {
    const Result<double> number = parse_number(low);
    if (!number) return wrong(number.error().message());
    range.low = *number;
  }
  if (!high.empty()) {
    const Result<double> number = parse_number(high);
    if (!number) return wrong(number.error().message());
    range.high = *number;
  }
  if (range.low && range.high && *range.low > *range.high) return wrong("its end is before its begin");
  return range;
}

Result<std::vector<CounterTest>> counter_tests(std::span<const std::string> counters,
                                               std::span<const std::string> warnings,
                                               std::span<const std::string> criticals) {
  std::vector<CounterTest> tests;
  for (const std::string& name : counters) tests.push_back(CounterTest{name});
  const auto take = [&](std::span<const std::string> ranges, const char* flag,
                        std::optional<AlertRange> CounterTest::* member) -> Result<> {
    if (!ranges.empty() && ranges.size() != tests.size()) {
      return fail(Errc::invalid_argument,
                  fmt::format("{} is given {} times, for {} counters", flag, ranges.size(), tests.size()));
    }
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      Result<AlertRange> range = parse_range(ranges[i]);
      if (!range) return tl::unexpected{std::move(range).error()};
      tests[i].*member = *range;
    }
    return {};
  };
  if (Result<> taken = take(warnings, "--warning", &CounterTest::warning); !taken) return tl::unexpected{taken.error()};
  if (Result<> taken = take(criticals, "--critical", &CounterTest::critical); !taken) {
    return tl::unexpected{taken.error()};
  }
  return tests;
}

Verdict judge(const Status& status, std::span<const CounterTest> tests, std::string_view subject) {
  Health health = Health::ok;
  std::string text = status.text.value_or("");
  std::string missing;
  for (const CounterTest& test : tests) {
    const auto found = std::find_if(status.counters.begin(), status.counters.end(),
                                    [&](const Counter& counter) { return counter.name == test.name; });
    if (found == status.counters.end()) {
      missing += fmt::format("the counter '{}' is not in the status\n", test.name);
      health = Health::unknown;
    } else {
      const bool is_known = found->value && std::isfinite(*found->value);
      health = std::max(health, is_known ? health_of(test, *found->value) : Health::unknown);
    }
  }
  std::vector<std::string> data;
  for (const Counter& counter : status.counters) {
    const auto test =
        std::find_if(tests.begin(), tests.end(), [&](const CounterTest& each) { return each.name == counter.name; });
    data.push_back(datum_of(counter, test == tests.end() ? nullptr : &*test));
  }
  return {health, lay_out(subject, health, missing + text, data)};
}

Verdict verdict_of(Health health, std::string_view text, std::string_view subject) {
  return {health, lay_out(subject, health, text, {})};
}

}  // namespace coworker::worker
