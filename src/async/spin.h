#pragma once

#include <chrono>
#include <cstdint>

#include "async/loop.h"

namespace coworker::async {

/// Looks again for a few microseconds before its owner goes to sleep: to be woken from sleep takes longer than most
/// answers do, where there is a processor for each side.
///
/// It learns whether that pays: after each time that it looked in vain it stays away for twice as many waits, so that
/// who mostly waits long, or shares its processor with whom it waits for, loses nothing worth telling. Nothing is
/// looked at between two waits.
///
/// Thread safety: none.
class Spin {
 public:
  /// Whether `is_ready` was true in time; if not, sleep.
  template <class IsReady>
  bool until(IsReady&& is_ready) {
    if (away_ > 0) {
      --away_;
      return false;
    }
    if (!has_processors()) return false;
    const auto end = std::chrono::steady_clock::now() + kLongest;
    do {
      if (is_ready()) {
        vain_ = 0;
        return true;
      }
    } while (std::chrono::steady_clock::now() < end);
    vain_ = vain_ < kMostVain ? 2 * vain_ + 1 : kMostVain;
    away_ = vain_;
    return false;
  }

 private:
  static constexpr std::chrono::microseconds kLongest{50};  // about two wake-ups from sleep
  static constexpr std::uint32_t kMostVain = 1023;

  /// Whether this process may run on more than one.
  static bool has_processors();

  std::uint32_t vain_ = 0;
  std::uint32_t away_ = 0;  // waits
};

/// Loop::run_one, at least: what is ready runs, else what comes first.
void run_some_spinning(Loop& loop, Spin& spin);

/// Loop::run for a loop whose handlers are mostly answered soon.
void run_spinning(Loop& loop);

}  // namespace coworker::async
