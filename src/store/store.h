#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "job/command.h"
#include "store/capabilities.h"

namespace coworker::store {

/// Where jobs live. One semantic interface: the embedded store, a broker and servers of other kinds all
/// pass store/conformance, and what that suite does not state is not promised.
///
/// Thread safety: one thread, that of the store's event loop. Nothing blocks.
/// Lifetime: every Done is called exactly once, at the latest by `close` (with unavailable).
class Store {
 public:
  /// An error means: refused, nothing was changed. May be called before `apply` returns.
  using Done = std::function<void(Result<job::Answer>)>;

  virtual ~Store() = default;

  /// Carries out one command. `done` gets the answer once it is as durable as the store promises for it:
  /// an add when it would survive a power cut. Answers may come in another order than the commands.
  virtual void apply(job::Command command, Done done) = 0;

  virtual Capabilities capabilities() const = 0;

  /// Where this store is, for messages: "file:./coworker-data".
  virtual std::string url() const = 0;

  /// 40 hex digits that name the store as a Disque node; the ids it makes begin with the first eight. Empty
  /// when the store has no node of its own.
  virtual std::string node() const { return {}; }

  /// False while it has no server to send commands to; they wait for one.
  virtual bool connected() const { return true; }

  /// Answers what is open, with unavailable where it cannot be done any more, and takes nothing new.
  virtual void close() = 0;
};

}  // namespace coworker::store
