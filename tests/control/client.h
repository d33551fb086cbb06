#pragma once

#include <cstddef>
#include <string>

/// A client of a control socket that waits at most 20 s for what it reads.
class Client {
 public:
  /// "unix:PATH" or a port of 127.0.0.1.
  explicit Client(const std::string& address);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return fd_ >= 0; }
  /// False: the other side has gone.
  bool send(const std::string& bytes) const;
  /// Without its end; empty at the end of the stream.
  std::string line();
  /// Exactly so many bytes, fewer at the end of the stream.
  std::string bytes(std::size_t count);
  /// Whether the stream ends, with nothing more before.
  bool at_end();

  std::string ask(const std::string& request) {
    send(request + "\n");
    return line();
  }
  /// The answer to a JSON-RPC call.
  std::string call(const std::string& method, const std::string& params = "[]");

 private:
  int fd_ = -1;
  std::string read_;
};
