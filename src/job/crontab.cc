#include "job/crontab.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "job/json_text.h"

namespace coworker::job {
namespace {

constexpr std::string_view kBlanks = " \t";

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

std::string_view take_word(std::string_view& text) {
  skip_blanks(text);
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

/// The value of `CRON_TZ=Europe/Paris`, quotes taken off; nullopt where this is no setting.
std::optional<std::string_view> zone_setting(std::string_view word) {
  for (const std::string_view name : {"CRON_TZ=", "TZ="}) {
    if (!word.starts_with(name)) continue;
    std::string_view value = word.substr(name.size());
    const bool is_quoted =
        value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    return is_quoted ? value.substr(1, value.size() - 2) : value;
  }
  return std::nullopt;
}

bool is_setting(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char each) {
           return (each >= 'A' && each <= 'Z') || (each >= 'a' && each <= 'z') || each == '_';
         });
}

/// Two runs of the same program, and two programs, give a row the same name (FNV-1a).
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf2'9ce4'8422'2325;
  for (const char each : text) value = (value ^ static_cast<unsigned char>(each)) * 0x100'0000'01b3;
  return value;
}

Result<std::string> body_of(std::string_view text) {
  if (text.find_first_not_of(kBlanks) == std::string_view::npos) {
    return fail(Errc::invalid_argument, "the body is missing (write null for none)");
  }
  if (check_json(text)) return std::string{trim_json(text)};
  std::string quoted = json_string(text);
  if (!check_json(quoted) ||
      (quoted.find("\xef\xbf\xbd") != std::string::npos && text.find("\xef\xbf\xbd") == std::string_view::npos)) {
    return fail(Errc::invalid_argument, "the body is not UTF-8");
  }
  return quoted;
}

/// The row without its key.
Result<CronRow> row_of(std::string_view text) {
  CronRow row;
  std::string_view times = text;
  if (text.starts_with('@')) {
    take_word(text);
  } else {
    for (int i = 0; i < 5; ++i) take_word(text);
  }
  times.remove_suffix(text.size());
  Result<CronTimes> parsed = CronTimes::parse(times);
  if (!parsed) return tl::unexpected{std::move(parsed.error())};
  row.times = *parsed;
  while (!times.empty()) {
    if (!row.text.empty()) row.text += ' ';
    row.text += take_word(times);
    skip_blanks(times);
  }
  row.queue = take_word(text);
  if (row.queue.empty()) return fail(Errc::invalid_argument, "the queue is missing");
  skip_blanks(text);
  Result<std::string> body = body_of(text);
  if (!body) return tl::unexpected{std::move(body.error())};
  row.body = std::move(*body);
  return row;
}

/// Reads line after line.
class Reader {
 public:
  void read(std::string_view line) {
    ++line_;
    skip_blanks(line);
    if (line.empty() || line.front() == '#') return;
    std::string_view rest = line;
    const std::string_view first = take_word(rest);
    const std::optional<std::string_view> zone = zone_setting(first);
    if (!zone && is_setting(first)) return fault("only CRON_TZ can be set in a crontab");
    if (zone && zone->empty()) return fault("CRON_TZ has no value");
    skip_blanks(rest);
    if (zone && rest.empty()) {
      zone_ = *zone;
      return;
    }
    Result<CronRow> row = row_of(zone ? rest : line);
    if (!row) return fault(row.error().message());
    row->line = line_;
    row->zone = zone ? std::string{*zone} : zone_;
    const std::string name = fmt::format("{}\n{}\n{}\n{}", row->zone, row->text, row->queue, row->body);
    const std::uint64_t count = ++seen_[name];
    row->key = fmt::format("cron:{:016x}", hash(name));
    // The same row twice adds two jobs.
    if (count > 1) row->key += fmt::format(":{}", count);
    crontab_.rows.push_back(std::move(*row));
  }

  Crontab take() { return std::move(crontab_); }

 private:
  void fault(std::string text) { crontab_.faults.push_back({line_, std::move(text)}); }

  Crontab crontab_;
  std::size_t line_ = 0;
  std::string zone_;
  std::map<std::string, std::uint64_t> seen_;
};

}  // namespace

Crontab parse_crontab(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Reader reader;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    reader.read(text.substr(0, end));
    text.remove_prefix(end);
    if (text.starts_with("\r\n")) text.remove_prefix(1);
    if (!text.empty()) text.remove_prefix(1);
  }
  return reader.take();
}

}  // namespace coworker::job
