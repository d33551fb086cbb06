#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/loop.h"
#include "base/error.h"
#include "base/fd.h"
#include "channel/line_splitter.h"

namespace coworker::worker {

/// One end of a stream socket on which lines go both ways. What the other side does not read yet is kept in memory.
///
/// Owned as a shared pointer by its user and by its own waits, until it is closed. Lives on the loop's thread.
class LineSocket : public std::enable_shared_from_this<LineSocket> {
 public:
  struct Events {
    std::function<void(std::string_view line)> on_line;
    std::function<void()> on_end;  // the other side has closed, or its line is too long; not after close()
  };
  static constexpr std::size_t kLongest = 64 << 20;  // bytes of a line

  static Result<std::shared_ptr<LineSocket>> open(async::Loop& loop, Fd fd, Events events);

  /// Queues a line, given without its end.
  void send(std::string_view line);

  /// What was sent before still leaves as far as the other side takes it at once. Nothing is told any more.
  void close();

 private:
  using Stream = boost::asio::posix::stream_descriptor;

  LineSocket(async::Loop& loop, Events events);
  void read();
  void take();
  void write();
  void ended();

  Stream stream_;
  Events events_;
  channel::LineSplitter lines_{kLongest};
  std::string outgoing_;
  std::size_t sent_ = 0;
  bool writing_ = false;
};

/// Two ends of one.
struct SocketPair {
  Fd ours;
  Fd theirs;
};
Result<SocketPair> make_socket_pair();

}  // namespace coworker::worker
