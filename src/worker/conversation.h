#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "worker/job.h"
#include "worker/report.h"

namespace coworker::worker {

/// What a line that a worker's process wrote means for the job it has.
struct Heard {
  enum class Kind : std::uint8_t {
    nothing,  // for us
    report,
    answer,   // the job is over; the process is free
    garbage,  // it does not keep to the rules; `outcome` says how
    refusal,  // it keeps to them, and cannot serve this context; `outcome` says why
  };

  Kind kind = Kind::nothing;
  Report report;  // with an answer: what was said before it in the same line
  Outcome outcome;
  std::string send{};  // whole lines that it is sent for this
};

/// What is said on the descriptors of one process: pure, all I/O is its owner's. One job at a time.
class Conversation {
 public:
  virtual ~Conversation() = default;

  /// What the process is sent at its start, before any job.
  virtual std::string greeting() { return {}; }

  /// Whether it may be given a job.
  virtual bool is_ready() const { return true; }

  /// What it is sent to do this job: whole lines. An error: it cannot be sent this one.
  virtual Result<std::string> request(const Job& job) = 0;

  virtual Heard hear(std::string_view line) = 0;

  /// Requests that it had to answer before its first job; they count as jobs do.
  virtual std::uint64_t requests_before() const { return 0; }

  /// What it said that was not understood, for the reason of an end before it was ready.
  virtual std::string not_understood() const { return {}; }
};

}  // namespace coworker::worker
