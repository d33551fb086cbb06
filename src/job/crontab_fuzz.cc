#include <cstdint>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "job/crontab.h"
#include "job/json_text.h"

// Any bytes are a crontab; what is a row of it can be asked when it is due, and what it says holds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coworker::job;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const Minute begun{std::chrono::sys_days{std::chrono::year{2026} / 3 / 28}};
  for (const CronRow& row : parse_crontab(bytes).rows) {
    CW_CHECK(!row.queue.empty() && check_json(row.body) && row.line > 0);
    const std::optional<Minute> first = row.times.next(begun, TimeZone{});
    CW_CHECK(first && *first > begun);
    CW_CHECK(row.times.next(*first - std::chrono::minutes{1}, TimeZone{}) == first);
    const Crontab again = parse_crontab(row.text + " q 1");
    CW_CHECK(again.rows.size() == 1 && again.rows[0].times.next(begun, TimeZone{}) == first);
  }
  return 0;
}
