#include "channel/tls/link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "channel/peer_address.h"

namespace coworker::channel::tls {
namespace {

constexpr Millis kHandshake{10'000};
constexpr Millis kVerdict{2'000};  // of a server that may say nothing when it likes a certificate
constexpr Millis kLinger{5'000};   // after the owner has closed

}  // namespace

Link::Link(async::Loop& loop, Fd socket, std::shared_ptr<const Context> context, const std::string& host)
    : socket_{std::move(socket)},
      session_{std::move(context), socket_.get(), host},
      address_{peer_address(socket_.get())},
      far_{loop, socket_.get()},
      near_{loop},
      limit_{loop} {
  socket_.release();
}

void Link::limit(Millis limit) {
  limit_.expires_after(limit);
  limit_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const std::shared_ptr<Link> self = weak.lock();
    if (!error && self) self->give_up();
  });
}

/// Whoever waits looks around.
void Link::wake() {
  boost::system::error_code not_open;
  far_.cancel(not_open);
  near_.cancel(not_open);
}

void Link::give_up() {
  is_over_ = true;
  limit_.cancel();
  wake();
}

/// Waits for what the session wants; false: there is no use in going on.
async::Task<bool> Link::ready(Session::Step step) {
  if (is_over_) co_return false;
  const auto what = step == Session::Step::wants_write ? Stream::wait_write : Stream::wait_read;
  // An error shows at the next call of the session; a cancelled wait is looked at by who waits.
  co_await far_.async_wait(what, async::as_result);
  co_return !is_over_;
}

async::Task<Result<>> Link::shake_hands() {
  limit(kHandshake);
  Session::Step step = session_.handshake();
  while (step == Session::Step::wants_read || step == Session::Step::wants_write) {
    const bool goes_on = co_await ready(step);
    if (!goes_on || is_ending_) co_return fail(Errc::unavailable, "no handshake in time");
    step = session_.handshake();
  }
  if (step != Session::Step::done) co_return fail(Errc::denied, session_.error());
  if (session_.awaits_verdict()) limit(kVerdict);
  while (session_.awaits_verdict()) {
    step = session_.confirm();
    if (step == Session::Step::failed || step == Session::Step::closed) {
      co_return fail(Errc::denied, "it does not accept our certificate: " + session_.error());
    }
    if (step == Session::Step::done) break;
    const bool goes_on = co_await ready(step);
    if (!goes_on) break;  // in doubt it likes us: the first answer will tell
  }
  limit_.cancel();
  is_over_ = false;
  co_return Result<>{};
}

Result<Fd> Link::open() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return fail_errno(errno, "make a pair of sockets");
  }
  near_.assign(ends[0]);
  return Fd{ends[1]};
}

// ---- what comes -----------------------------------------------------------------------------------

async::Task<> Link::carry_in() {
  for (;;) {
    const Session::Moved moved = session_.read(in_);
    if (moved.step == Session::Step::done) {
      const std::string_view bytes{in_.data(), moved.bytes};
      const bool given = co_await give(bytes);
      if (!given) break;
      continue;
    }
    if (moved.step == Session::Step::closed) break;
    if (moved.step == Session::Step::failed) {
      give_up();
      break;
    }
    const bool goes_on = co_await ready(moved.step);
    if (!goes_on || is_ending_) break;
  }
  ::shutdown(near_.native_handle(), SHUT_WR);
  has_ended_[0] = true;
  if (has_ended_[1]) give_up();
}

/// To the owner. When it does not want them they are dropped: the other side must not be stopped from reading what we
/// send by being stopped from writing.
async::Task<bool> Link::give(std::string_view bytes) {
  while (!bytes.empty() && !is_abandoned_) {
    const ssize_t put = ::send(near_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno == EAGAIN) {
      if (is_over_) co_return false;
      co_await near_.async_wait(Stream::wait_write, async::as_result);
    } else if (errno != EINTR) {
      is_abandoned_ = true;
    }
  }
  co_return !is_over_;
}

// ---- what leaves ----------------------------------------------------------------------------------

async::Task<> Link::carry_out() {
  while (!is_over_) {
    const ssize_t got = ::recv(near_.native_handle(), out_.data(), out_.size(), MSG_DONTWAIT);
    if (got > 0) {
      const std::string_view bytes{out_.data(), static_cast<std::size_t>(got)};
      const bool sent = co_await encrypt(bytes);
      if (!sent) give_up();
      continue;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR) || is_ending_) break;
    co_await near_.async_wait(Stream::wait_read, async::as_result);
  }
  Session::Step step = is_over_ ? Session::Step::failed : session_.end();
  while (step == Session::Step::wants_write || step == Session::Step::wants_read) {
    const bool goes_on = co_await ready(step);
    step = goes_on ? session_.end() : Session::Step::failed;
  }
  ::shutdown(far_.native_handle(), SHUT_WR);
  has_ended_[1] = true;
  if (has_ended_[0] || is_ending_) give_up();
}

async::Task<bool> Link::encrypt(std::string_view bytes) {
  while (!bytes.empty()) {
    const Session::Moved moved = session_.write(bytes);
    bytes.remove_prefix(moved.bytes);
    if (moved.step == Session::Step::done) continue;
    if (moved.step == Session::Step::closed || moved.step == Session::Step::failed) co_return false;
    const bool goes_on = co_await ready(moved.step);
    if (!goes_on) co_return false;
  }
  co_return true;
}

/// Notices that the owner has closed its socket altogether, also while nothing comes.
async::Task<> Link::watch_owner() {
  for (;;) {
    pollfd polled{near_.native_handle(), 0, 0};
    if (is_over_ || ::poll(&polled, 1, 0) == 1) break;
    co_await near_.async_wait(Stream::wait_error, async::as_result);
  }
  if (is_over_ || is_ending_) co_return;
  is_abandoned_ = true;
  limit(kLinger);
}

void Link::end_within(Millis time) {
  is_ending_ = true;
  limit(time);
  wake();
}

}  // namespace coworker::channel::tls
