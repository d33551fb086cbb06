#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "proc/certificate.h"

namespace coworker::worker {

/// One attempt at a job, as a worker gets it.
struct Job {
  std::string id;
  std::string queue;
  std::string body = "null";    // JSON text, to the byte as it was added
  std::string metadata = "{}";  // JSON text of an object
  std::uint32_t attempt = 1;    // this is the n-th
  Millis process_timeout{0};    // 0: none
  std::string context{};        // a process of a pool serves jobs of one context only
};

/// What became of an attempt.
struct Outcome {
  enum class Kind : std::uint8_t {
    ok,       // done
    failed,   // the worker said so, took too long, or could not be started
    crashed,  // the worker died
    stopped,  // we ended it for a reason of our own: not the job's fault, and not counted
  };

  Kind kind = Kind::ok;
  std::string result;                              // ok: what the worker has to say; may be empty
  std::string reason;                              // else: why, in one line
  std::optional<proc::Certificate> certificate{};  // of the worker's process, when it had one

  static Outcome ok(std::string result = {});
  static Outcome failed(std::string reason);
};

}  // namespace coworker::worker
