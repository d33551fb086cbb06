#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/loop.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/time.h"
#include "channel/address.h"
#include "channel/resp/reply_decoder.h"
#include "channel/tls/handshakes.h"

namespace coworker::store::disque {

/// One connection to a server of the Disque protocol: requests leave in the order of `send`, any number of them may
/// be in flight, and each gets its reply in that order.
///
/// Operations under way hold a shared_ptr, so an owner drops it after `close` and need not wait for them.
///
/// Thread safety: the loop's thread only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// The reply is valid during the call only. An error: the connection was lost before the reply came; the request
  /// may have been carried out.
  using OnReply = std::function<void(Result<const channel::resp::Reply*>)>;
  using OnOpen = std::function<void(Result<>)>;
  using OnLost = std::function<void(const Error&)>;

  using Tls = std::shared_ptr<const channel::tls::Context>;

  /// `tls` is needed for addresses of that kind only.
  static std::shared_ptr<Connection> create(async::Loop& loop, Tls tls = {});

  ~Connection();

  /// Connects within `limit`. Called once; `done` is called later, once.
  void open(const channel::Address& address, Millis limit, OnOpen done);

  /// `request` is one or several complete requests in RESP; `on_reply` is called for each of `replies` replies.
  /// After the connection was lost it is called with the error at once.
  void send(std::string_view request, OnReply on_reply, std::size_t replies = 1);

  /// Called once when the connection ends after it was open, after all open requests got their error.
  void on_lost(OnLost handler) { on_lost_ = std::move(handler); }

  /// Ends it: open requests get `reason`. Harmless when it has ended already.
  void close(Error reason);

  bool is_open() const noexcept { return open_; }
  const channel::Address& address() const noexcept { return address_; }
  std::size_t in_flight() const noexcept { return pending_.size(); }

 private:
  using Protocol = boost::asio::generic::stream_protocol;

  struct Pending {
    OnReply on_reply;
    std::size_t replies;
  };

  Connection(async::Loop& loop, Tls tls);

  void connect_unix(const std::string& path);
  void resolve();
  void connect_tcp(std::vector<boost::asio::ip::tcp::endpoint> endpoints);
  void connect_to(const Protocol::endpoint& endpoint, std::function<void(boost::system::error_code)> then);
  void reached(boost::system::error_code error);
  void secure();
  void secured();
  void connected(boost::system::error_code error);
  void settled(Result<> opened);
  void read();
  void decode();
  void write();

  boost::asio::generic::stream_protocol::socket socket_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer limit_;
  Tls tls_;
  std::optional<channel::tls::Handshakes> handshakes_;  // while hands are shaken
  boost::asio::posix::stream_descriptor handshake_;     // its descriptor
  channel::Address address_;
  Fd directory_;  // of a unix socket whose path is too long for its address
  OnOpen on_open_;
  OnLost on_lost_;
  bool open_ = false;
  bool closed_ = false;
  bool writing_ = false;

  std::string outbox_;   // not yet being written
  std::string leaving_;  // being written
  std::deque<Pending> pending_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not decoded
  std::size_t end_ = 0;
  channel::resp::ReplyDecoder decoder_;
};

}  // namespace coworker::store::disque
