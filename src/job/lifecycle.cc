#include "job/lifecycle.h"

namespace coworker::job {

std::string_view to_string(State state) noexcept {
  constexpr std::array<std::string_view, 4> kNames{"scheduled", "ready", "leased", "gone"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(Event event) noexcept {
  constexpr std::array<std::string_view, 14> kNames{"due",     "claim",  "ack",       "retry",   "release",
                                                    "bury",    "extend", "lease_end", "enqueue", "dequeue",
                                                    "working", "remove", "expire",    "move"};
  return kNames[static_cast<std::size_t>(event)];
}

}  // namespace coworker::job
