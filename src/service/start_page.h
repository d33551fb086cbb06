#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "service/decision.h"

/// The memory that a consumer shares with its supervisor: which jobs it holds, and which of them it has started. When
/// the consumer dies, in whatever way, the supervisor reads there what to do with each.
namespace coworker::service {

enum class Hold : std::uint32_t {
  free,
  claimed,  // not started
  started,
  done,    // ended well, not acknowledged yet
  failed,  // ended otherwise, the store does not know yet
};

/// One held job. The consumer writes the fields while the state is `free`, and only flags and numbers after that.
struct PageSlot {
  static constexpr std::uint32_t kInline = 1;   // runs on a thread of the consumer
  static constexpr std::uint32_t kFaulted = 2;  // that thread was struck by a fatal signal
  static constexpr std::uint32_t kOverdue = 4;  // it does not end though its time is up
  static constexpr std::uint32_t kLost = 8;     // somebody else may hold the job by now

  std::atomic<Hold> state;
  std::atomic<std::uint32_t> flags;
  std::atomic<std::int32_t> group;  // of its processes; 0: none
  std::array<char, 40> id;
  std::uint64_t token;
  std::uint32_t queue;
  std::uint32_t retries;
  std::uint32_t crashes;
  std::uint32_t at_most_once;
  std::int64_t expires;
};

/// A job on the page of a dead consumer.
struct HeldJob {
  Attempt attempt;
  Hold state = Hold::free;
  std::uint32_t flags = 0;
  pid_t group = 0;
};

/// Thread safety: slots are taken and freed by one thread; `started` and the flags may be set by others.
class StartPage {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// In the supervisor: a new page; `fd` is for the consumer.
  static Result<std::unique_ptr<StartPage>> create(std::size_t slots);
  /// In the consumer.
  static Result<std::unique_ptr<StartPage>> open(Fd fd);
  ~StartPage();
  StartPage(const StartPage&) = delete;
  StartPage& operator=(const StartPage&) = delete;

  int fd() const noexcept { return fd_.get(); }

  /// Under what number the consumer claims (job::Claim::owner); made with the page, and like no other.
  std::uint64_t owner() const;
  std::size_t free_slots() const noexcept { return unused_.size(); }

  /// kNone when all are taken. Requires that this side takes slots.
  std::size_t take(const Attempt& attempt);
  void free(std::size_t slot);
  PageSlot& slot(std::size_t index) { return slots_[index]; }

  /// The consumer gives its jobs back in good order; what it still runs is not to blame.
  void set_stopping();
  bool stopping() const;

  /// Said by the consumer.
  void set_listening();        // its signals' handlers are there
  void set_ready(bool ready);  // it has fetched since it connected
  void count_ended();          // one more attempt
  void beat();                 // it keeps its leases
  /// Said by the supervisor: take no more jobs, end when the last has ended.
  void set_draining();

  bool listening() const;
  bool ready() const;
  bool draining() const;
  std::uint64_t ended() const;
  std::uint32_t beats() const;
  std::size_t started() const;  // jobs that run now

  /// What the consumer held. Only for when it is dead.
  std::vector<HeldJob> held() const;

 private:
  struct Header;
  StartPage(Fd fd, void* memory, std::size_t bytes, std::size_t slots);

  Fd fd_;
  void* memory_;
  std::size_t bytes_;
  Header* header_;
  PageSlot* slots_;
  std::vector<std::size_t> unused_;
};

}  // namespace coworker::service
