#include "worker/job.h"

#include <utility>

namespace coworker::worker {

Outcome Outcome::ok(std::string result) {
  Outcome outcome;
  outcome.result = std::move(result);
  return outcome;
}

Outcome Outcome::failed(std::string reason) {
  Outcome outcome;
  outcome.kind = Kind::failed;
  outcome.reason = std::move(reason);
  return outcome;
}

}  // namespace coworker::worker
