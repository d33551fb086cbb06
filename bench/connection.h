#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace coworker::bench {

/// One blocking stream socket. A benchmark that cannot go on is of no use, so every failure ends the
/// program with a message.
class Connection {
 public:
  /// `address`: "unix:PATH" or "tcp:HOST:PORT" with a numeric host.
  static Connection open(const std::string& address);

  void send(std::string_view bytes);

  /// Waits for more bytes and appends them to what `input` shows.
  void receive();

  /// What has come and was not consumed.
  std::string_view input() const { return std::string_view{buffer_}.substr(consumed_); }
  void consume(std::size_t bytes);

  int descriptor() const { return socket_.get(); }

 private:
  Fd socket_;
  std::string buffer_;
  std::size_t consumed_ = 0;
};

/// Ends the program: "bench: WHAT", with errno's text when `with_errno`.
[[noreturn]] void give_up(const std::string& what, bool with_errno = false);

}  // namespace coworker::bench
