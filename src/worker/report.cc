#include "worker/report.h"

#include <fmt/format.h>

namespace coworker::worker {

Report log_line(std::string_view text) {
  constexpr std::size_t kLongest = 4096;
  if (text.size() > kLongest) {
    std::size_t end = kLongest;
    // Not within a character of UTF-8.
    while (end > kLongest - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text = text.substr(0, end);
  }
  return Report{{}, std::string{text}};
}

std::function<void(Report)> limited(std::function<void(Report)> on_report) {
  constexpr std::size_t kMost = 1000;
  if (!on_report) return [](const Report&) {};
  return [on_report = std::move(on_report), texts = std::size_t{0}](Report report) mutable {
    if (!report.text.empty() && ++texts > kMost) {
      report.text = texts == kMost + 1 ? "further lines are not kept" : "";
      if (report.text.empty() && !report.progress) return;
    }
    on_report(std::move(report));
  };
}

std::string describe(const Report& report) {
  if (!report.progress) return report.text;
  const std::string share = fmt::format("{:.0f} %", *report.progress * 100);
  return report.text.empty() ? share : share + ": " + report.text;
}

}  // namespace coworker::worker
