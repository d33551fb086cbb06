#include "store/disque/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace coworker::store::disque {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using channel::resp::ReplyDecoder;

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kLongestUnixPath = 107;

Error lost(const channel::Address& address, std::string_view why) {
  return Error{Errc::unavailable, fmt::format("connection to {} lost: {}", to_string(address), why)};
}

}  // namespace

Connection::Connection(async::Loop& loop, Tls tls)
    : socket_{loop}, resolver_{loop}, limit_{loop}, tls_{std::move(tls)}, handshake_{loop} {}

Connection::~Connection() {
  if (handshake_.is_open()) handshake_.release();
}

std::shared_ptr<Connection> Connection::create(async::Loop& loop, Tls tls) {
  return std::shared_ptr<Connection>{new Connection{loop, std::move(tls)}};
}

void Connection::open(const channel::Address& address, Millis limit, OnOpen done) {
  CW_CHECK(!on_open_ && !open_ && !closed_);
  address_ = address;
  on_open_ = std::move(done);
  limit_.expires_after(limit);
  limit_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->open_) self->connected(asio::error::timed_out);
  });
  if (address.is_unix()) {
    connect_unix(address.path);
  } else {
    resolve();
  }
}

void Connection::connect_unix(const std::string& path) {
  std::string name = path;
  if (name.size() > kLongestUnixPath) {
    const std::size_t slash = path.rfind('/');
    directory_.reset(slash == std::string::npos ? -1 : ::open(path.substr(0, slash).c_str(), O_PATH | O_CLOEXEC));
    if (directory_) name = fmt::format("/proc/self/fd/{}/{}", directory_.get(), path.substr(slash + 1));
  }
  if (name.size() > kLongestUnixPath) {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->connected(asio::error::name_too_long); });
    return;
  }
  connect_to(asio::local::stream_protocol::endpoint{name},
             [self = shared_from_this()](error_code error) { self->connected(error); });
}

void Connection::resolve() {
  error_code none;
  const auto numeric = asio::ip::make_address(address_.host, none);
  if (!none) return connect_tcp({tcp::endpoint{numeric, address_.port}});
  resolver_.async_resolve(address_.host, std::to_string(address_.port),
                          [self = shared_from_this()](error_code error, const tcp::resolver::results_type& found) {
                            if (error) return self->connected(error);
                            std::vector<tcp::endpoint> endpoints;
                            for (const auto& entry : found) endpoints.push_back(entry.endpoint());
                            self->connect_tcp(std::move(endpoints));
                          });
}

void Connection::connect_tcp(std::vector<tcp::endpoint> endpoints) {
  if (closed_ || endpoints.empty()) return connected(asio::error::host_not_found);
  const tcp::endpoint next = endpoints.front();
  endpoints.erase(endpoints.begin());
  connect_to(next, [self = shared_from_this(), rest = std::move(endpoints)](error_code error) {
    if (error && !rest.empty() && !self->closed_) return self->connect_tcp(rest);
    self->reached(error);
  });
}

void Connection::connect_to(const Protocol::endpoint& endpoint, std::function<void(error_code)> then) {
  error_code ignored;
  socket_.close(ignored);
  // Made here and not by Asio, whose sockets would be inherited by the programs that workers start.
  const int family = endpoint.protocol().family();
  Fd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  error_code error{fd ? 0 : errno, boost::system::system_category()};
  if (!error && family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  if (!error) socket_.assign(endpoint.protocol(), fd.get(), error);
  if (error) {
    asio::post(socket_.get_executor(), [then = std::move(then), error] { then(error); });
    return;
  }
  fd.release();
  socket_.async_connect(endpoint, std::move(then));
}

void Connection::reached(error_code error) {
  if (error || address_.kind != channel::Address::Kind::tls || !on_open_) return connected(error);
  secure();
}

void Connection::secure() {
  if (!tls_) return settled(fail(Errc::invalid_argument, "TLS: nothing is known of keys and certificates"));
  Result<channel::tls::Handshakes> handshakes =
      channel::tls::Handshakes::connect(Fd{socket_.release()}, tls_, address_.host);
  if (!handshakes) return settled(tl::unexpected{std::move(handshakes).error()});
  handshakes_ = std::move(*handshakes);
  handshake_.assign(handshakes_->native_handle());
  handshake_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](error_code error) {
    if (!error && self->on_open_) self->secured();
  });
}

void Connection::secured() {
  Result<channel::tls::Handshakes::Accepted> accepted = handshakes_->accept();
  handshake_.release();
  handshakes_.reset();
  if (!accepted) return settled(tl::unexpected{std::move(accepted).error()});
  error_code error;
  socket_.assign(asio::local::stream_protocol{}, accepted->socket.get(), error);
  if (!error) accepted->socket.release();
  connected(error);
}

void Connection::connected(error_code error) {
  if (!error) return settled({});
  const bool is_absent =
      error == asio::error::connection_refused || error == boost::system::errc::no_such_file_or_directory;
  settled(fail(Errc::unavailable, fmt::format("connect to {}: {}{}", to_string(address_), error.message(),
                                              is_absent ? " (no server listens there)" : "")));
}

void Connection::settled(Result<> opened) {
  if (!on_open_) return;  // the limit has passed, or it was closed
  limit_.cancel();
  directory_.reset();
  const OnOpen done = std::exchange(on_open_, {});
  if (!opened) {
    closed_ = true;
    error_code ignored;
    socket_.close(ignored);
    resolver_.cancel();
    if (handshake_.is_open()) handshake_.release();
    handshakes_.reset();
    return done(std::move(opened));
  }
  open_ = true;
  buffer_.resize(kReadSize);
  read();
  done({});
}

void Connection::send(std::string_view request, OnReply on_reply, std::size_t replies) {
  if (closed_) {
    const Error error = lost(address_, "it is closed");
    for (std::size_t i = 0; i < replies; ++i) on_reply(tl::unexpected{error});
    return;
  }
  outbox_ += request;
  pending_.push_back({std::move(on_reply), replies});
  // Written at the loop's next turn, together with what else is sent in this one.
  if (!std::exchange(writing_, true)) {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->write(); });
  }
}

void Connection::write() {
  if (closed_ || outbox_.empty()) {
    writing_ = false;
    return;
  }
  leaving_.clear();
  leaving_.swap(outbox_);
  asio::async_write(socket_, asio::buffer(leaving_), [self = shared_from_this()](error_code error, std::size_t) {
    if (error) return self->close(lost(self->address_, error.message()));
    self->write();
  });
}

void Connection::read() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > 16 * kReadSize) {
      buffer_.resize(kReadSize);
      buffer_.shrink_to_fit();
    }
  }
  const std::size_t missing = begin_ == end_ ? 0 : decoder_.missing();
  const std::size_t needed = end_ - begin_ + std::max(missing, kReadSize / 4);
  if (begin_ > 0 && begin_ + needed > buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (needed > buffer_.size()) buffer_.resize(std::max(needed, 2 * buffer_.size()));
  socket_.async_read_some(
      asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
      [self = shared_from_this()](error_code error, std::size_t size) {
        if (self->closed_) return;
        if (error) {
          const bool is_end = error == asio::error::eof;
          return self->close(lost(self->address_, is_end ? "the server closed it" : error.message()));
        }
        self->end_ += size;
        self->decode();
        if (!self->closed_) self->read();
      });
}

void Connection::decode() {
  while (begin_ < end_) {
    const ReplyDecoder::Step step = decoder_.next({buffer_.data() + begin_, end_ - begin_});
    if (step == ReplyDecoder::Step::incomplete) return;
    if (step == ReplyDecoder::Step::malformed)
      return close(lost(address_, "not the Disque protocol: " + decoder_.error()));
    if (pending_.empty()) return close(lost(address_, "it sent a reply that nobody asked for"));
    begin_ += decoder_.consumed();
    // The handler may close this connection, which empties pending_.
    OnReply on_reply;
    if (--pending_.front().replies == 0) {
      on_reply = std::move(pending_.front().on_reply);
      pending_.pop_front();
    } else {
      on_reply = pending_.front().on_reply;
    }
    on_reply(&decoder_.reply());
    if (closed_) return;
  }
}

void Connection::close(Error reason) {
  if (std::exchange(closed_, true)) return;
  const std::shared_ptr<Connection> self = shared_from_this();
  const bool was_open = std::exchange(open_, false);
  error_code ignored;
  socket_.close(ignored);
  resolver_.cancel();
  limit_.cancel();
  if (handshake_.is_open()) handshake_.release();
  handshakes_.reset();
  outbox_.clear();
  if (on_open_) std::exchange(on_open_, {})(tl::unexpected{reason});
  std::deque<Pending> unanswered;
  unanswered.swap(pending_);
  for (const Pending& pending : unanswered) {
    for (std::size_t i = 0; i < pending.replies; ++i) pending.on_reply(tl::unexpected{reason});
  }
  if (const OnLost handler = std::exchange(on_lost_, {}); handler && was_open) handler(reason);
}

}  // namespace coworker::store::disque
