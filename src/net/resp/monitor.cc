#include "net/resp/monitor.h"

#include <fmt/format.h>

#include "base/time.h"
#include "net/resp/node.h"
#include "net/resp/session.h"

namespace coworker::net::resp {
namespace {

constexpr std::size_t kShownBytes = 4096;  // of one word

}  // namespace

void append_quoted(std::string& out, std::string_view bytes) {
  out.push_back('"');
  for (const char c : bytes) {
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      case '\a':
        out.append("\\a");
        break;
      case '\b':
        out.append("\\b");
        break;
      default:
        if (c >= ' ' && c <= '~') {
          out.push_back(c);
        } else {
          out.append(fmt::format("\\x{:02x}", static_cast<unsigned char>(c)));
        }
    }
  }
  out.push_back('"');
}

void feed_monitors(Node& node, const Session& session, std::span<const std::string_view> words) {
  const std::int64_t now = wall_millis();
  std::string line = fmt::format("+{}.{:03}000 [0 {}]", now / 1000, now % 1000, session.peer().address);
  for (const std::string_view word : words) {
    line.push_back(' ');
    append_quoted(line, word.substr(0, kShownBytes));
  }
  line.append("\r\n");
  for (Session* monitor : node.monitors) monitor->push(line);
}

}  // namespace coworker::net::resp
