#pragma once

#include <cstdint>
#include <deque>

#include "base/time.h"

/// How many consumer processes a group should have. Pure: no clock, no store.
namespace coworker::service {

/// What was seen of a group's queues and processes since the last look.
struct Load {
  Millis elapsed{1'000};       // since then; > 0
  std::uint64_t waiting = 0;   // jobs that are ready now
  std::uint64_t arrived = 0;   // jobs that became ready since
  std::uint64_t finished = 0;  // attempts of this group that ended since
  double busy = 0;             // slots that run a job, now
};

/// Follows the load of one group. The slots it needs are those that are busy, or by Little's law the arrival rate times
/// the time per job if that is more (a load that has just grown); what waits is to be gone within a drain time. The
/// time per job is the time that slots were busy divided by the attempts that ended, so that long jobs count before the
/// first of them ends. Never more slots than jobs.
///
///   up      at once to what is needed, at most doubling: a slow start costs seconds, a wrong jump costs processes
///   down    to the greatest need of the last half minute, with a margin: neither a pause between two bursts nor
///           chance is a reason to let go and start again
///
/// Value type, owned by the group; no thread.
class Scaling {
 public:
  struct Limits {
    std::uint32_t min = 1;
    std::uint32_t max = 1;    // >= min
    std::uint32_t slots = 1;  // jobs that one process runs at the same time, >= 1
  };

  /// The number of processes wanted from now on, within the limits; `now` is how many there are.
  std::uint32_t target(const Load& load, const Limits& limits, std::uint32_t now);

 private:
  struct Need {
    Millis at;
    std::uint32_t processes;
  };

  void follow(const Load& load);
  double slots_needed(const Load& load) const;

  Millis clock_{0};          // all that has elapsed
  double arrival_rate_ = 0;  // a second
  double busy_ = 0;          // slots
  double busy_long_ = 0;     // the same, and how many ended in a second, over a longer time
  double finish_rate_ = 0;
  bool started_ = false;
  std::deque<Need> needs_;  // of the last half minute
};

}  // namespace coworker::service
