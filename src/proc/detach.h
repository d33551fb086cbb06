#pragma once

#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace coworker::proc {

/// How a program goes on in the background, and its starter learns what became of it.
///
///     Result<Detachment> detachment = Detachment::begin();   // from here on it is another process
///     … whatever may fail; messages still reach the terminal …
///     detachment->leave_terminal();
///     … start …
///     detachment->ready();                                   // the starter ends with 0
///
/// When the process ends before `ready`, the starter ends with 1. A default-made one stands for a process that stays
/// attached, and does nothing.
class Detachment {
 public:
  Detachment() = default;

  /// Returns in a process of a session of its own, which leads nothing and so never gets a terminal, and whose parent
  /// is init. The caller's process stays until it knows how that one started, and ends here. Only before the program
  /// has a second thread. Working directory and umask stay as they are; standard input is the null device.
  static Result<Detachment> begin();

  bool in_background() const noexcept { return static_cast<bool>(starter_); }

  /// Standard output and error are the null device from now on; call it before children inherit them. If the process
  /// ends before it is ready all the same, its starter says `last_word`, in which there is no zero byte.
  void leave_terminal(std::string_view last_word = {});

  /// Lets the starter end. Leaves the terminal, if it has not happened yet.
  void ready();

 private:
  Fd starter_;  // a zero byte there says that we are ready, its end that we are gone
  bool on_terminal_ = false;
};

}  // namespace coworker::proc
