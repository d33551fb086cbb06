#pragma once

#include <string>

namespace coworker::channel {

/// Who is at the other end of a connected TCP socket: "127.0.0.1:40312", "[::1]:40312". Empty for other sockets.
std::string peer_address(int socket);

}  // namespace coworker::channel
