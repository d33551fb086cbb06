#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/command.h"
#include "app/settings.h"
#include "proc/detach.h"
#include "proc/pid_file.h"

namespace coworker::app {

/// What `--daemon` and `--pidfile` ask of a program that stays.
struct BackgroundOptions {
  bool detach = false;
  std::string pid_file;  // empty: none
  proc::PidFile::Leftover leftover = proc::PidFile::Leftover::pid;
};

/// A program that stays: alone under its pid file, and in the background if it was asked to.
///
/// Lives as long as the program serves: the pid file goes with it.
class Background {
 public:
  /// Takes the pid file and detaches, see proc::Detachment: on success it may be another process that returns.
  static Result<Background> enter(const BackgroundOptions& options);

  /// Call it before anything is started that would inherit the terminal. `log_file` says from now on what goes wrong.
  void leave_terminal(const std::string& log_file);

  /// The process that started it ends with 0.
  void ready() { detachment_.ready(); }

 private:
  Background(proc::PidFile file, proc::Detachment detachment)
      : file_{std::move(file)}, detachment_{std::move(detachment)} {}

  proc::PidFile file_;
  proc::Detachment detachment_;
};

/// --daemon and --pidfile, of every command that stays.
std::vector<Flag> background_flags();
BackgroundOptions background_options(const Arguments& arguments);

/// Who is in the background has no terminal to log to: without a word about it the log is `file`.
void log_in_background(const Arguments& arguments, const std::string& file, Settings& settings);

}  // namespace coworker::app
