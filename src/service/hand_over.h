#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "service/decision.h"

namespace coworker::service {

/// A failed attempt of a dead consumer, for a living one of the same group: it calls the program's hooks and
/// strategies, which the supervisor must not, and answers for the job.
struct Inherited {
  Attempt attempt;
  bool crashed = false;  // the attempt, as hooks are told
  std::string reason;
  Decision decision;  // where no strategy of the program's own is asked
};

/// The way there: each is taken by one consumer, whichever comes first, also one that starts later.
class HandOver {
 public:
  static Result<std::unique_ptr<HandOver>> create();

  /// For the consumers.
  int taking_end() const noexcept { return taking_.get(); }

  /// False when too many wait already.
  bool give(const Inherited& inherited) const;

  /// What waits at that end; nullopt: nothing now.
  static std::optional<Inherited> take(int taking_end);

 private:
  HandOver(Fd giving, Fd taking) : giving_{std::move(giving)}, taking_{std::move(taking)} {}

  Fd giving_;
  Fd taking_;
};

}  // namespace coworker::service
