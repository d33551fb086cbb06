#pragma once

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "civi/identity.h"
#include "proc/certificate.h"

namespace coworker::civi {

/// One call of APIv4: `Queue.claimItems {"queue":"mail"}`.
struct Call {
  Call(std::string entity_, std::string action_, boost::json::object params_)
      : entity{std::move(entity_)}, action{std::move(action_)}, params{std::move(params_)} {}

  std::string entity;
  std::string action;
  boost::json::object params;
  Identity identity{};                                 // as whom; nobody: as the connection itself
  std::string name{};                                  // for logs and the process's environment: of the task
  Millis timeout{0};                                   // from its start on the other side; 0: the connection's own
  std::function<void(pid_t)> on_start{};               // it is begun; 0: in no process of ours
  std::function<void(const std::string&)> on_print{};  // a line that the other side printed beside its answer
};

/// What came of a call.
struct Reply {
  enum class Kind : std::uint8_t {
    answered,  // with `values`
    refused,   // the other side says that it failed; parts of it may have been done
    unsent,    // it could not be begun, and nothing of it has happened
    lost,      // it was begun, and there is no answer: how much of it was done is not known
  };

  Kind kind = Kind::answered;
  boost::json::value values{};                     // what the action gave: most give a list of records
  std::string reason{};                            // else: why, in one line
  Errc code = Errc::unavailable;                   // else: denied where a credential or a permission is missing
  std::optional<proc::Certificate> certificate{};  // lost: of the process that had it

  bool ok() const noexcept { return kind == Kind::answered; }

  static Reply answered(boost::json::value values);
  static Reply failed(Kind kind, Errc code, std::string reason);
};

/// What the other side said of itself.
struct Site {
  std::string address;      // how it is reached, without credentials
  std::string version;      // CiviCRM's; empty: it did not say
  std::string greeting;     // as it came, or what stands for it; empty: there is none
  bool can_log_in = false;  // tasks of other contacts can run
  std::int64_t domain = 0;  // 0: not known
  Millis latency{0};        // of one small call
};

/// A way to call the APIv4 of one site: over a pipe, or over HTTP. Several calls may be open at a time, up to the
/// connection's number of workers; more of them wait in it. A call that may run as a contact other than the
/// connection's own says so in its identity, and the connection sees to that or refuses it (Kind::unsent).
///
/// A connection that is broken mends itself, later and later, with the next calls: each attempt that fails ends the
/// calls that waited for it as `unsent`.
///
/// Owned by who calls; lives on the loop's thread. Must be closed when it is destroyed.
class Connection {
 public:
  virtual ~Connection() = default;

  /// Connects and checks all that can be known before the first task: version, trust, credentials. May be left out.
  virtual async::Task<Result<Site>> open() = 0;

  /// What another connection to the same site found.
  virtual void learn(const Site& site) { static_cast<void>(site); }

  virtual async::Task<Reply> call(Call call) = 0;

  /// How many calls could begin at once, if need be in place of idle workers.
  virtual std::size_t free_slots() const = 0;

  /// `then` is called when there may be more of them for another reason than the end of a call.
  virtual void when_freed(std::function<void()> then) { static_cast<void>(then); }

  /// How long from now the other side has asked to be left alone; 0: it has not.
  virtual Millis asked_pause() const { return Millis{0}; }

  /// Why tasks of that identity can never run here; success: they can.
  virtual Result<> check_identity(const Identity& identity) const = 0;

  /// No call comes any more: open ones have `grace` to end, and are ended then. Returns when nothing of the connection
  /// runs. A second call with less grace hastens the first.
  virtual async::Task<> close(Millis grace) = 0;
};

}  // namespace coworker::civi
