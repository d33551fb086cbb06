#pragma once

#include <memory>

#include "job/command.h"
#include "store/disque/connection.h"
#include "store/store.h"

namespace coworker::store::disque {

/// How one kind of server is spoken to: turns commands into requests and replies into answers. Without state.
class Dialect {
 public:
  virtual ~Dialect() = default;

  /// Carries out anything but a claim that waits. What the server cannot do is refused with invalid_argument.
  virtual void apply(const std::shared_ptr<Connection>& connection, const job::Command& command,
                     Store::Done done) const = 0;

  /// A claim that waits for at most `wait` (zero: for ever; negative: not at all), occupying the connection.
  virtual void claim(const std::shared_ptr<Connection>& connection, const job::Claim& claim, Millis wait,
                     Store::Done done) const = 0;
};

/// A coworker broker: the CW.* commands.
const Dialect& broker_dialect();

/// Any server of Disque 1.0: its own commands only, so there are no tokens, no delayed retry and no burying.
const Dialect& plain_dialect();

}  // namespace coworker::store::disque
