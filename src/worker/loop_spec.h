#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"

namespace coworker::worker {

enum class LoopKind : std::uint8_t {
  inline_worker,  // a LoopWorker registered under `worker`
  command,        // a program that is started every period
  pipe,           // a long-lived program that is told every period
};

/// As the configuration spells it.
std::string_view to_string(LoopKind kind) noexcept;

/// What the process of a loop worker has to know. User, limits, directory and environment it has from its start.
struct LoopSpec {
  std::string build;  // of the program that starts it
  log::Options log;
  std::string name;
  std::string id;
  std::string logger;
  LoopKind kind = LoopKind::command;
  std::string worker;
  std::vector<std::string> command;
  Millis looptime{1'000};
  Millis jitter{0};
  bool paused = false;        // at first
  Millis stop_grace{10'000};  // at a stop: how long a round may take to finish before what it runs gets SIGTERM
  Millis kill_grace{5'000};   // and then SIGKILL
};

std::string to_text(const LoopSpec& spec);
Result<LoopSpec> parse_loop_spec(const std::string& text);

/// Descriptors of a loop worker's process beside the standard ones.
inline constexpr int kLoopSpecFd = 3;
inline constexpr int kLoopPageFd = 4;    // loop_page.h
inline constexpr int kLoopLinkFd = 5;    // loop_runner.h; its end means that the supervisor is gone
inline constexpr int kLoopKeeperFd = 6;  // for what it starts, see proc/keeper_main.h

}  // namespace coworker::worker
