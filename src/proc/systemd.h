#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "async/event.h"
#include "async/task.h"
#include "base/fd.h"
#include "base/time.h"

namespace coworker::proc {

/// What systemd is told of this process: datagrams to the socket that $NOTIFY_SOCKET names. Where there is none nothing
/// happens, and no failure is reported: nobody could act on it.
///
/// Thread safety: one thread.
class Systemd {
 public:
  /// Takes its variables out of the environment, as no child is meant by them. So one for the process, and before it
  /// has a second thread that reads the environment.
  Systemd();

  /// `status` is one line for people.
  void ready(std::string_view status);
  /// Before the configuration is read again; `ready` follows.
  void reloading();
  void stopping();
  /// Sent only when it is another one than before.
  void status(std::string_view status);

  /// How often `alive` is expected: half of the time after which the service would be killed. None: never.
  std::optional<Millis> watchdog() const noexcept { return watchdog_; }
  void alive();

 private:
  void send(std::string_view state);

  std::string address_;  // of a unix socket, as connect takes it; empty: there is none
  Fd socket_;
  std::optional<Millis> watchdog_;
  std::string status_;
};

/// Says for a loop that it turns, as often as is expected, until `over` is set.
async::Task<> keep_alive(Systemd* manager, async::Event* over);

}  // namespace coworker::proc
