#pragma once

#include <cstdint>
#include <string>

#include "job/command.h"
#include "job/envelope.h"
#include "service/config.h"
#include "worker/job.h"

/// What becomes of a job after an attempt: pure rules, no store, no clock, no randomness of their own.
namespace coworker::service {

/// What the rules need to know of a claimed job.
struct Attempt {
  job::JobRef job{};
  std::uint32_t queue = 0;    // index in Config::queues
  std::uint32_t retries = 0;  // so far, over all of its incarnations
  std::uint32_t crashes = 0;  // so far
  bool at_most_once = false;
  std::int64_t expires = 0;  // Unix seconds, by its own metadata; 0: they do not say
};

/// Retries are all failed attempts, those of former incarnations (metadata), nacks and additional deliveries. A job
/// that is handed out after its lifetime was taken up again: its lifetime counts from `now` (Unix seconds).
Attempt attempt_of(const job::Delivery& delivery, std::uint32_t queue, const job::Stamp& stamp, std::int64_t now);

struct Decision {
  enum class Action : std::uint8_t {
    ack,
    release,  // back into its queue, nothing counted
    retry,    // counted, again after `delay`
    bury,     // counted, to the failure queue
  };

  Action action = Action::ack;
  Millis delay{0};
  bool crashed = false;
  std::string reason{};
};

/// `now` is Unix seconds, `roll` uniform in [0, 1).
///
///   ok                       ack
///   failed, crashed          retry after the backoff; bury when retries have reached max_retries, crashes with this
///   one
///                            max_crashes, or when its lifetime ends before the next attempt
///   stopped                  release
///   at most once             never again once it started: bury
Decision decide(worker::Outcome::Kind kind, const std::string& reason, const Attempt& attempt, const QueueConfig& queue,
                std::int64_t now, double roll);

}  // namespace coworker::service
