#include "worker/line_socket.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace coworker::worker {
namespace {

constexpr std::size_t kPartBytes = 64 * 1024;

}  // namespace

Result<SocketPair> make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return fail_errno(errno, "make a socket pair");
  return SocketPair{Fd{ends[0]}, Fd{ends[1]}};
}

Result<std::shared_ptr<LineSocket>> LineSocket::open(async::Loop& loop, Fd fd, Events events) {
  std::shared_ptr<LineSocket> socket{new LineSocket{loop, std::move(events)}};
  boost::system::error_code error;
  socket->stream_.assign(fd.get(), error);
  if (error) return fail(Errc::internal, "watch a socket: " + error.message());
  fd.release();
  socket->read();
  return socket;
}

LineSocket::LineSocket(async::Loop& loop, Events events) : stream_{loop}, events_{std::move(events)} {}

void LineSocket::read() {
  stream_.async_wait(Stream::wait_read, [self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->take();
  });
}

void LineSocket::take() {
  std::array<char, kPartBytes> part;
  ssize_t got = 0;
  do {
    got = ::recv(stream_.native_handle(), part.data(), part.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return read();
  if (got <= 0) return ended();
  const auto hand_on = [this](std::string_view line) {
    if (events_.on_line) events_.on_line(line);
  };
  const bool fits = lines_.feed({part.data(), static_cast<std::size_t>(got)}, hand_on);
  if (!stream_.is_open()) return;
  fits ? read() : ended();
}

void LineSocket::ended() {
  const std::function<void()> on_end = std::move(events_.on_end);
  close();
  if (on_end) on_end();
}

void LineSocket::send(std::string_view line) {
  if (!stream_.is_open()) return;
  outgoing_ += line;
  outgoing_ += '\n';
  if (!writing_) write();
}

void LineSocket::write() {
  writing_ = false;
  while (sent_ < outgoing_.size()) {
    const ssize_t wrote = ::send(stream_.native_handle(), outgoing_.data() + sent_, outgoing_.size() - sent_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (wrote >= 0) {
      sent_ += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN) {
      writing_ = true;
      stream_.async_wait(Stream::wait_write, [self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->write();
      });
      return;
    } else if (errno != EINTR) {
      break;  // what that means is known when its end is read
    }
  }
  outgoing_.clear();
  sent_ = 0;
}

void LineSocket::close() {
  events_ = {};
  stream_.close();
}

}  // namespace coworker::worker
