#include "channel/tls/handshakes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/time.h"
#include "channel/tls/hand_over.h"
#include "channel/tls/relay.h"

namespace coworker::channel::tls {
namespace {

struct Pair {
  Fd ours;
  Fd theirs;
};

Result<Pair> make_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return fail_errno(errno, "make a pair of sockets");
  }
  return Pair{Fd{ends[0]}, Fd{ends[1]}};
}

}  // namespace

Result<Handshakes> Handshakes::serve(Fd listener, std::shared_ptr<const Context> context) {
  Result<Pair> pair = make_pair();
  if (!pair) return tl::unexpected{std::move(pair).error()};
  Fd same{::fcntl(listener.get(), F_DUPFD_CLOEXEC, 3)};
  if (!same) return fail_errno(errno, "duplicate a listening socket");
  Relay::of_this_process().serve(std::move(listener), std::move(pair->theirs), std::move(context));
  return Handshakes{std::move(pair->ours), std::move(same)};
}

Result<Handshakes> Handshakes::connect(Fd socket, std::shared_ptr<const Context> context, const std::string& host) {
  Result<Pair> pair = make_pair();
  if (!pair) return tl::unexpected{std::move(pair).error()};
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  Relay::of_this_process().connect(std::move(socket), std::move(pair->theirs), std::move(context), host);
  return Handshakes{std::move(pair->ours), Fd{}};
}

Handshakes::~Handshakes() {
  close();
}

void Handshakes::close() {
  // Closing alone would leave it listening until the other thread has closed its own descriptor.
  if (listener_) ::shutdown(listener_.get(), SHUT_RDWR);
  listener_.reset();
  results_.reset();
}

Result<Handshakes::Accepted> Handshakes::accept() {
  return take_over(results_.get());
}

Result<Fd> shake_hands(Fd socket, std::shared_ptr<const Context> context, const std::string& host,
                       std::chrono::steady_clock::time_point deadline) {
  using Clock = std::chrono::steady_clock;
  Result<Handshakes> under_way = Handshakes::connect(std::move(socket), std::move(context), host);
  if (!under_way) return tl::unexpected{std::move(under_way).error()};
  for (;;) {
    Result<Handshakes::Accepted> accepted = under_way->accept();
    if (accepted) {
      const int fd = accepted->socket.get();
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
      return std::move(accepted->socket);
    }
    if (accepted.error().code() != Errc::not_found) return tl::unexpected{std::move(accepted).error()};
    const auto left = std::chrono::ceil<Millis>(std::max(deadline, Clock::now()) - Clock::now()).count();
    if (left <= 0) return fail(Errc::unavailable, fmt::format("TLS with {}: no handshake in time", host));
    pollfd polled{under_way->native_handle(), POLLIN, 0};
    const bool is_forever = deadline == Clock::time_point::max();
    ::poll(&polled, 1, is_forever ? -1 : static_cast<int>(std::min<std::int64_t>(left, 1 << 30)));
  }
}

}  // namespace coworker::channel::tls
