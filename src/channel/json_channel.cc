#include "channel/json_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace coworker::channel {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kLongestRead = 1 << 20;

}  // namespace

JsonChannel::JsonChannel(Fd in, Fd out, JsonStream::Limits limits)
    : in_{std::move(in)}, out_{std::move(out)}, is_socket_{!out_}, limits_{limits}, stream_{limits} {
  if (!is_socket_) ::fcntl(out_.get(), F_SETFL, ::fcntl(out_.get(), F_GETFL) | O_NONBLOCK);
}

bool JsonChannel::is_readable() const {
  pollfd polled{in_.get(), POLLIN, 0};
  return ::poll(&polled, 1, 0) == 1;
}

/// The events that are there; 0 at the deadline.
short JsonChannel::wait(short events, Deadline deadline) const {
  std::array<pollfd, 2> polled{pollfd{in_.get(), events, 0}, pollfd{-1, 0, 0}};
  if (!is_socket_) {
    polled[0].events = static_cast<short>(events & POLLIN);
    if ((events & POLLIN) == 0) polled[0].fd = -1;
    if ((events & POLLOUT) != 0) polled[1] = {out_.get(), POLLOUT, 0};
  }
  for (;;) {
    int timeout = -1;
    if (deadline != Deadline::max()) {
      const Deadline now = Deadline::clock::now();
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(deadline, now) - now);
      timeout = static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30));
    }
    const int ready = ::poll(polled.data(), polled.size(), timeout);
    if (ready == 0) return 0;
    if (ready < 0) continue;  // interrupted
    const auto of = [](const pollfd& each, short wanted) {
      const bool is_ended = (each.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      return static_cast<short>((is_ended ? each.events : each.revents) & wanted);
    };
    const auto found = static_cast<short>(of(polled[0], POLLIN | POLLOUT) | of(polled[1], POLLOUT));
    if (found != 0) return found;
  }
}

Result<std::size_t> JsonChannel::write_some(std::string_view first, std::string_view second) {
  iovec parts[2] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  for (;;) {
    const ssize_t wrote =
        is_socket_ ? ::sendmsg(in_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) : ::writev(out_.get(), parts, 2);
    if (wrote >= 0) return static_cast<std::size_t>(wrote);
    if (errno == EAGAIN) return 0;
    if (errno == EPIPE || errno == ECONNRESET || errno == EBADF) {
      return fail(Errc::unavailable, "send: the other side has closed");
    }
    if (errno != EINTR) return fail_errno(errno, "send");
  }
}

Result<bool> JsonChannel::send(std::string_view text, Deadline deadline) {
  if (text.size() > limits_.bytes) {
    return fail(Errc::resource_exhausted, "send: the message is larger than the limit");
  }
  std::size_t sent = 0;
  if (unsent_.empty()) {
    const Result<std::size_t> wrote = write_some(text, "\n");
    if (!wrote) return tl::unexpected{wrote.error()};
    sent = *wrote;
    if (sent == text.size() + 1) return true;
  }
  if (sent < text.size()) unsent_ += text.substr(sent);
  unsent_ += '\n';
  return flush(deadline);
}

Result<bool> JsonChannel::flush(Deadline deadline) {
  std::size_t sent = 0;
  const auto end = [&](Result<bool> result) {
    unsent_.erase(0, sent);
    return result;
  };
  while (sent < unsent_.size()) {
    const bool may_read = !at_end_ && stream_.pending() < limits_.bytes;
    const short ready = wait(static_cast<short>(POLLOUT | (may_read ? POLLIN : 0)), deadline);
    if (ready == 0) return end(false);
    if ((ready & POLLIN) != 0) {
      if (Result<> read = read_some(); !read) return end(tl::unexpected{std::move(read).error()});
    }
    if ((ready & POLLOUT) == 0) continue;
    const Result<std::size_t> wrote = write_some(std::string_view{unsent_}.substr(sent), {});
    if (!wrote) return end(tl::unexpected{wrote.error()});
    sent += *wrote;
  }
  return end(true);
}

Result<> JsonChannel::read_some() {
  const std::span<char> room = stream_.room(std::clamp(stream_.pending(), kReadBytes, kLongestRead));
  const ssize_t got = ::read(in_.get(), room.data(), room.size());
  if (got > 0) {
    stream_.filled(static_cast<std::size_t>(got));
  } else if (got == 0 || errno == ECONNRESET) {
    at_end_ = true;
  } else if (errno == EAGAIN) {
    read_waits_ = false;
  } else if (errno != EINTR) {
    return fail_errno(errno, "receive");
  }
  return {};
}

Result<std::optional<std::string_view>> JsonChannel::receive(Deadline deadline) {
  for (;;) {
    Result<std::optional<std::string_view>> text = at_end_ ? stream_.last() : stream_.next();
    if (!text || *text) return text;
    if (at_end_) return fail(Errc::unavailable, "receive: the other side has closed");
    if (!unsent_.empty()) {
      // What is waiting to leave may be what the other side waits for.
      const short ready = wait(POLLIN | POLLOUT, deadline);
      if (ready == 0) return std::nullopt;
      if ((ready & POLLOUT) != 0) {
        const Result<bool> left = flush(Deadline::min());
        if (!left) return tl::unexpected{left.error()};
      }
      if ((ready & POLLIN) == 0) continue;
    } else if (deadline == Deadline::min() || !spin_.until([this] { return is_readable(); })) {
      const bool may_sleep_reading = deadline == Deadline::max() && read_waits_;
      if (!may_sleep_reading && wait(POLLIN, deadline) == 0) return std::nullopt;
    }
    if (Result<> read = read_some(); !read) return tl::unexpected{std::move(read).error()};
  }
}

void JsonChannel::close_out() {
  if (is_socket_) {
    ::shutdown(in_.get(), SHUT_WR);
  } else {
    out_.reset();
  }
}

}  // namespace coworker::channel
