#include "app/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

namespace coworker::app {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

void print_json(const boost::json::value& value) {
  print_line(boost::json::serialize(value));
}

std::string printable(std::string_view bytes) {
  const boost::json::string text = json_text(bytes);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string table(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < heading.size(); ++column) {
    std::size_t width = heading[column].size();
    for (const auto& row : rows) width = std::max(width, row[column].size());
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t column = 0; column < row.size(); ++column) {
      if (column > 0) text += "  ";
      const bool is_right = !rows.empty() && is_number(rows.front()[column]);
      text += is_right ? fmt::format("{:>{}}", row[column], widths[column])
                       : fmt::format("{:<{}}", row[column], widths[column]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(heading);
  for (const auto& row : rows) line(row);
  return out;
}

std::string age_of(const job::View& job) {
  const std::int64_t created = static_cast<std::int64_t>(job.created / 1'000'000);
  return short_duration(Millis{std::max<std::int64_t>(wall_millis() - created, 0)});
}

std::string short_duration(Millis duration) {
  const double seconds = static_cast<double>(duration.count()) / 1000;
  if (seconds < 1) return fmt::format("{} ms", duration.count());
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.3g} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{:.3g} h", seconds / 3600);
  return fmt::format("{:.4g} d", seconds / 86'400);
}

}  // namespace coworker::app
