#pragma once

namespace coworker::proc {

/// Of its process.
inline constexpr const char* kKeeperName = "coworker-keeper";

/// The keeper's whole life; what the hidden command `coworker keeper` does with descriptor 3. Returns the exit code.
///
/// The keeper is one small single-threaded process in a session of its own. It knows every process group that its
/// supervisor and the owners (consumers) start. When an owner's connection closes, for whatever reason, it kills that
/// owner's groups, and once they are confirmed dead it tells the supervisor. When the supervisor's connection closes
/// it kills the supervisor's groups (the owners), then theirs, then whatever else was started with the same
/// COWORKER_RUN in its environment, and ends. A group with a grace has so long to end by itself first.
/// Signals from a terminal or an init system do not end it.
int keeper_main(int control);

}  // namespace coworker::proc
