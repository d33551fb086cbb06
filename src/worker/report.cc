#include "worker/report.h"

#include <fmt/format.h>

namespace coworker::worker {

std::string describe(const Report& report) {
  if (!report.progress) return report.text;
  const std::string share = fmt::format("{:.0f} %", *report.progress * 100);
  return report.text.empty() ? share : share + ": " + report.text;
}

}  // namespace coworker::worker
