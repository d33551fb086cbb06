#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/entry.h"
#include "engine/once_keys.h"
#include "job/command.h"

namespace coworker::engine {

/// Where buried jobs go when neither the command nor their queue says.
inline constexpr std::string_view kFailureQueue = "failed-jobs";

/// How many slots one slice of a purge looks at, and how many jobs it removes: well under a millisecond.
inline constexpr Slot kPurgeLooks = 5'000;
inline constexpr std::uint64_t kPurgeSlice = 500;

/// A claim of more gets these; its room in the journal is reserved beforehand.
inline constexpr std::uint32_t kMostClaimed = 10'000;

/// As much of a failure's reason is kept with its job, in bytes.
inline constexpr std::size_t kMostReason = 1024;

/// What came of a command: the answer, and the facts to journal. Buffers are kept between commands.
struct Effects {
  /// One fact: the next `size` bytes of `facts`, and a job's body beside it when it is a full record.
  struct Item {
    std::uint32_t size = 0;
    std::string_view body{};
    Slot slot = 0;         // not 0: tell State::placed where the record came to stand
    Once* once = nullptr;  // the same for an idempotency key
  };
  /// A waiting claim that ends now, with jobs or without.
  struct Served {
    std::uint64_t ticket = 0;
    job::Claimed claimed{};
    std::vector<Position> records{};  // of the jobs' bodies, in their order
    bool synced = false;              // answer only when all facts so far are synced
  };
  /// How durable the facts must be before the answer may leave.
  enum class Wait : std::uint8_t { nothing, written, synced };

  std::string facts;
  std::vector<Item> items;
  bool answered = true;  // false: a claim that waits; it comes back as Served
  job::Answer answer;
  std::vector<Position> records;  // of the answer's jobs, where it has bodies
  Wait wait = Wait::nothing;
  std::vector<Served> served;
  bool more = false;  // a slice is done, and there is more of the same to do

  void clear();
};

}  // namespace coworker::engine
