#pragma once

#include <span>
#include <string>
#include <string_view>

namespace coworker::net::resp {

struct Node;
class Session;

/// Shows a request of `session` to every client that asked for MONITOR:
/// `+1700000000.000000 [0 127.0.0.1:40312] "ADDJOB" "queue" …`.
void feed_monitors(Node& node, const Session& session, std::span<const std::string_view> words);

/// `bytes` in double quotes, with everything unprintable escaped.
void append_quoted(std::string& out, std::string_view bytes);

}  // namespace coworker::net::resp
