#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "async/spin.h"
#include "base/fd.h"
#include "channel/json_stream.h"

namespace coworker::channel {

/// JSON texts over pipes or a stream socket, for callers that wait: each call blocks until its deadline.
///
/// While it waits to send it also reads, so that two that send to each other at the same time both get on. What it may
/// read ahead then is bounded by the limit of one value.
///
/// Thread safety: none.
class JsonChannel {
 public:
  using Deadline = std::chrono::steady_clock::time_point;  // max(): none

  /// `out` none: `in` is a socket for both directions. Takes them over; of pipes, SIGPIPE must be ignored.
  JsonChannel(Fd in, Fd out, JsonStream::Limits limits);

  /// Sends the text and a newline. False: some of it has not left at the deadline; it leaves before whatever is sent
  /// next. unavailable: the other side has closed.
  Result<bool> send(std::string_view text, Deadline deadline);

  /// The next text, valid until the next call; nullopt at the deadline. unavailable: the other side has closed.
  Result<std::optional<std::string_view>> receive(Deadline deadline);

  /// The same for what has not left yet.
  Result<bool> flush(Deadline deadline);
  bool has_unsent() const noexcept { return !unsent_.empty(); }

  /// As JsonStream's.
  std::string_view head() const noexcept { return stream_.head(); }
  int native_handle() const noexcept { return in_.get(); }
  int writable_handle() const noexcept { return out_ ? out_.get() : in_.get(); }
  /// The other side reads the end.
  void close_out();

 private:
  Result<std::size_t> write_some(std::string_view first, std::string_view second);
  Result<> read_some();
  bool is_readable() const;
  short wait(short events, Deadline deadline) const;

  Fd in_;
  Fd out_;
  bool is_socket_;
  JsonStream::Limits limits_;
  JsonStream stream_;
  std::string unsent_;
  async::Spin spin_;  // before a receive sleeps
  bool at_end_ = false;
  bool read_waits_ = true;  // as far as known: the descriptor is not in non-blocking mode, so poll is not needed
};

}  // namespace coworker::channel
