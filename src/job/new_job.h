#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "job/command.h"

namespace coworker::job {

/// A job as its producer describes it, before it is a command to a store.
struct NewJob {
  std::string queue;
  std::string body;             // JSON
  std::string metadata = "{}";  // a JSON object
  Millis delay{0};
  Seconds lifetime{30 * 86'400};
  Seconds process_timeout{600};    // 0: an attempt may take any time
  std::optional<Seconds> retry{};  // 0: at most once; not given: the process timeout, or 5 minutes where that is 0
  std::int64_t priority = 0;
  std::string unique{};
  std::string group{};
  std::string idempotency_key{};
  Seconds idempotency_window{86'400};
  std::int64_t max_length = 0;  // 0: no limit

  bool operator==(const NewJob&) const = default;
};

/// The add with its envelope and time stamps. invalid_argument, with the position, for a body that is no JSON; and for
/// metadata that is no object, or values out of range.
Result<Add> make_add(const NewJob& job, std::int64_t wall_ms);

/// Whether a dead job can go back to work as it is (MoveDead): its envelope counts no retries of earlier lives. Needs
/// the view's body, as the next two.
bool can_be_revived(const View& dead);

/// The lifetime that its envelope says, or 30 days.
Seconds lifetime_of(const View& dead);

/// Adds the work of a dead job anew, to `queue`: body, metadata, priority and retry as they were, counters and lifetime
/// from the beginning, its id as "original-id" in the metadata. Doing it twice within an hour adds it once.
Add make_again(const View& dead, std::string queue, std::int64_t wall_ms);

/// Whether the add can only be decided by who has the index: it cannot go to a spool.
bool needs_index(const Add& add);

/// "job D-… created", or why not: the outcome as a person reads it, for outcomes that are refusals.
Error refusal(const Added& added, const std::string& queue);

bool is_stored(const Added& added);

}  // namespace coworker::job
