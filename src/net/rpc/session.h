#pragma once

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "async/loop.h"
#include "async/task.h"
#include "base/fd.h"
#include "base/time.h"
#include "net/rpc/directory.h"
#include "net/rpc/request_splitter.h"

namespace coworker::net::rpc {

/// What a listener speaks.
enum class Dialect : std::uint8_t {
  standard,  // see request_splitter.h
  comodojo,  // lines of PHP-serialised envelopes, and a greeting
};

struct Limits {
  std::size_t clients = 1'000;
  std::size_t request = 4u << 20;        // bytes of one
  std::size_t read_size = 64u << 10;     // bytes read at a time, as many at most
  std::size_t all_requests = 64u << 20;  // bytes of unfinished ones, of all connections together
  Millis read_timeout{30'000};           // for a request that has begun
  Millis write_timeout{30'000};          // for a client to fetch some of its answers
};

/// What the connections of a server share.
struct Node {
  Directory& directory;
  Limits limits;
  std::array<char, 64 * 1024> input{};
  std::size_t buffered = 0;  // bytes of unfinished requests
};

/// One client. Its requests are carried out one after the other and answered in order; while one takes its time, only
/// this client waits.
///
/// Lives on the loop's thread. May be destroyed once run() has returned.
class Session {
 public:
  using Clock = std::chrono::steady_clock;

  Session(async::Loop& loop, Node& node, Fd socket, Dialect dialect, Caller caller);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Until the connection has ended.
  async::Task<> run();

  /// Takes nothing new, and ends when the request that is carried out has been answered.
  void finish();

  /// Ends at once.
  void close();

  /// From time to time: ends a client that does not go on with what it has begun.
  void watch(Clock::time_point now);

 private:
  async::Task<> carry_out();
  async::Task<> answer(Request request);
  async::Task<> answer_envelope(std::string line);
  async::Task<bool> flush();
  async::Task<> receive();
  async::Task<> say_goodbye();
  void send_document(const Request& request, const std::string& document, bool is_xml);
  void send_envelope(bool status, const std::optional<std::string>& message);
  void refuse(const Request& request);
  bool charge();

  Node& node_;
  boost::asio::posix::stream_descriptor socket_;
  Dialect dialect_;
  Caller caller_;
  RequestSplitter splitter_;
  std::string output_;
  std::size_t charged_ = 0;  // of Node::buffered
  bool open_ = true;
  bool finishing_ = false;
  bool waiting_ = false;                      // for the client to say something
  std::optional<Clock::time_point> overdue_;  // when the client must have done its part
};

/// What a client is told that is one too many.
std::string refusal_text(Dialect dialect, const std::string& why);

}  // namespace coworker::net::rpc
