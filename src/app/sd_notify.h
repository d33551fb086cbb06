#pragma once

#include <string_view>

namespace coworker::app {

/// Tells the service manager what state this process is in, "READY=1" or "STOPPING=1" for example: one
/// datagram to the socket that $NOTIFY_SOCKET names. Nothing happens where there is none, and no failure is
/// reported: nobody could act on it.
void sd_notify(std::string_view state);

}  // namespace coworker::app
