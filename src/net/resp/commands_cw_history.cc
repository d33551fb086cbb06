#include <limits>

#include "channel/resp/number.h"
#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"

namespace coworker::net::resp {

/// id event …
void run_cw_record(Call& call) {
  if (call.words.size() % 2 != 1) return call.wrong_arity();
  job::Record record;
  record.items.resize(call.words.size() / 2);
  for (std::size_t i = 0; i < record.items.size(); ++i) {
    const std::optional<job::JobId> id = job::parse_id(call.words[1 + 2 * i]);
    if (!id) return call.error("BADID this is no job id");
    record.items[i] = {*id, std::string{call.words[2 + 2 * i]}};
  }
  call.ask(std::move(record), format_count);
}

/// id after count
void run_cw_history(Call& call) {
  const std::optional<job::JobId> id = job::parse_id(call.words[1]);
  if (!id) return call.error("BADID this is no job id");
  const std::optional<std::uint64_t> after = channel::resp::parse_unsigned(call.words[2]);
  if (!after) return call.error("ERR invalid cursor");
  std::int64_t count = 0;
  if (!read_integer(call, 3, "count", count, 1, std::numeric_limits<std::uint32_t>::max())) return;
  call.ask(job::History{*id, *after, static_cast<std::uint32_t>(count)}, format_cw_history);
}

}  // namespace coworker::net::resp
