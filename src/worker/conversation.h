#pragma once

#include <string>
#include <string_view>

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
  };

  Kind kind = Kind::nothing;
  Report report;
  Outcome outcome;
};

/// What is said on the descriptors of one process: pure, all I/O is its owner's. One job at a time.
class Conversation {
 public:
  virtual ~Conversation() = default;

  /// What the process is sent at its start, before any job.
  virtual std::string greeting() { return {}; }

  /// Whether it may be given a job.
  virtual bool is_ready() const { return true; }

  /// What it is sent to do this job: whole lines.
  virtual std::string request(const Job& job) = 0;

  virtual Heard hear(std::string_view line) = 0;
};

}  // namespace coworker::worker
