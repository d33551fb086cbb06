#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/fd.h"

/// The memory that a loop worker shares with its supervisor: what it does and how often it has, to be read at any time,
/// also when it hangs or is dead.
namespace coworker::worker {

/// The first four have these numbers in every protocol; they are what a process says of itself.
enum class LoopPhase : std::uint32_t {
  spinup = 0,
  looping = 1,
  paused = 2,
  spindown = 3,
  exited = 4,   // stopped, or gone and not to come again
  backoff = 5,  // waits to be started
  fatal = 6,    // died too often in a row
};

/// Written by the worker's process, read by its supervisor, which maps it without the right to write. The file is
/// sealed, so neither can cut it off under the other.
///
/// Thread safety: any thread of the two.
class LoopPage {
 public:
  using Clock = std::chrono::steady_clock;  // the same for all processes

  /// In the supervisor; `fd` is for the worker.
  static Result<std::unique_ptr<LoopPage>> create();
  /// In the worker.
  static Result<std::unique_ptr<LoopPage>> open(Fd fd);
  ~LoopPage();
  LoopPage(const LoopPage&) = delete;
  LoopPage& operator=(const LoopPage&) = delete;

  int fd() const noexcept { return fd_.get(); }
  void close_fd() { fd_.reset(); }

  // Of the worker; require that it was opened.
  void set_phase(LoopPhase phase);
  void begin();  // user code: a round, spinup, spindown, a command
  void beat();   // it goes on
  void end();
  void count_round(bool failed, Clock::duration took);

  LoopPhase phase() const;
  std::uint64_t rounds() const;  // that have ended
  std::uint64_t failed_rounds() const;
  Clock::duration last_round() const;
  /// Since when the worker has given no sign of life though it works; nullopt: it works not.
  std::optional<Clock::time_point> silent_since() const;

 private:
  struct Content;
  LoopPage(Fd fd, void* memory) : fd_{std::move(fd)}, content_{static_cast<Content*>(memory)} {}
  static Result<std::unique_ptr<LoopPage>> map(Fd fd, int protection);

  Fd fd_;
  Content* content_;
};

}  // namespace coworker::worker
