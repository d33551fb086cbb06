#include "channel/tls/relay.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>

#include "async/event.h"
#include "base/log.h"
#include "channel/tls/hand_over.h"
#include "channel/tls/link.h"

namespace coworker::channel::tls {
namespace {

constexpr std::size_t kMostHandshakes = 1024;  // of a listener at the same time; others wait in its backlog
constexpr Millis kPause{100};                  // when there are no descriptors left
constexpr Millis kLastWords{2'000};            // at the end of the program

using Stream = boost::asio::posix::stream_descriptor;

}  // namespace

/// Where connections come from, and where they go.
struct Port {
  Port(async::Loop& loop, Fd in, Fd out, std::shared_ptr<const Context> rules)
      : results{loop, out.get()}, listener{loop}, room{loop.get_executor()}, context{std::move(rules)} {
    out.release();
    if (in) listener.assign(in.release());
  }

  void close() {
    is_closed = true;
    boost::system::error_code not_open;
    listener.cancel(not_open);
    results.cancel(not_open);
    room.set();
  }

  Stream results;
  Stream listener;
  async::Event room;  // fewer handshakes than may be
  std::shared_ptr<const Context> context;
  std::size_t handshakes = 0;
  bool is_closed = false;
};

namespace {

/// Until nobody holds the other end.
async::Task<> watch(std::shared_ptr<Port> port) {
  co_await port->results.async_wait(Stream::wait_error, async::as_result);
  port->close();
}

async::Task<> tell(std::shared_ptr<Port> port, Packet packet) {
  while (!port->is_closed) {
    const Handed handed = hand_over(port->results.native_handle(), packet);
    if (handed == Handed::done) co_return;
    if (handed == Handed::gone) co_return port->close();
    co_await port->results.async_wait(Stream::wait_write, async::as_result);
  }
}

}  // namespace

Relay& Relay::of_this_process() {
  static Relay relay;
  return relay;
}

Relay::Relay()
    : work_{std::make_unique<boost::asio::executor_work_guard<async::Loop::executor_type>>(loop_.get_executor())},
      gate_{loop_.get_executor()} {
  // No handler of the program runs on this thread, and a peer that is gone shows as an error of the write.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] {
    ::pthread_setname_np(::pthread_self(), "tls");
    loop_.run();
  }};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Relay::~Relay() {
  boost::asio::post(loop_, [this] { end(); });
  thread_.join();
}

void Relay::end() {
  for (const auto& port : ports_) port->close();
  for (const auto& link : links_) link->end_within(kLastWords);
  work_.reset();
}

void Relay::serve(Fd listener, Fd results, std::shared_ptr<const Context> context) {
  auto port = std::make_shared<Port>(loop_, std::move(listener), std::move(results), std::move(context));
  boost::asio::post(loop_, [this, port] {
    ports_.insert(port);
    gate_.spawn("watch who wants TLS connections", watch(port));
    gate_.spawn("accept TLS connections", accept(port));
  });
}

void Relay::connect(Fd socket, Fd results, std::shared_ptr<const Context> context, std::string host) {
  auto link = std::make_shared<Link>(loop_, std::move(socket), context, host);
  auto port = std::make_shared<Port>(loop_, Fd{}, std::move(results), std::move(context));
  boost::asio::post(loop_, [this, port, link, name = std::move(host)] {
    ports_.insert(port);
    ++port->handshakes;
    gate_.spawn("watch who wants a TLS connection", watch(port));
    gate_.spawn("shake hands", admit(port, link, name));
  });
}

async::Task<> Relay::accept(std::shared_ptr<Port> port) {
  while (!port->is_closed) {
    if (port->handshakes >= kMostHandshakes) {
      port->room.reset();
      co_await port->room.wait();
      continue;
    }
    Fd socket{::accept4(port->listener.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    const int error = errno;
    if (socket) {
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto link = std::make_shared<Link>(loop_, std::move(socket), port->context, std::string{});
      ++port->handshakes;
      gate_.spawn("shake hands", admit(port, link, link->address()));
    } else if (error == EAGAIN) {
      co_await port->listener.async_wait(Stream::wait_read, async::as_result);
    } else if (error == EINVAL || error == EBADF) {
      break;  // it listens no more
    } else if (error != ECONNABORTED && error != EINTR) {
      co_await async::sleep_for(kPause);
    }
  }
  port->listener.close();
  ports_.erase(port);
}

async::Task<> Relay::admit(std::shared_ptr<Port> port, std::shared_ptr<Link> link, std::string name) {
  links_.insert(link);
  const bool is_server = port->listener.is_open();
  Result<> shaken = co_await link->shake_hands();
  if (--port->handshakes < kMostHandshakes) port->room.set();
  Result<Fd> socket = shaken ? link->open() : Result<Fd>{tl::unexpected{shaken.error()}};
  if (socket) {
    // Before anything can come through it.
    gate_.spawn("carry", carry(link));
    Packet packet{std::move(*socket), link->address(), link->subject()};
    co_await tell(port, std::move(packet));
  } else {
    links_.erase(link);
    const Error error = Error{socket.error()}.wrap(fmt::format("TLS with {}", name));
    if (is_server) {
      log::info(error.message());
    } else {
      Packet packet{error};
      co_await tell(port, std::move(packet));
    }
  }
  if (is_server) co_return;
  port->close();
  ports_.erase(port);
}

async::Task<> Relay::carry(std::shared_ptr<Link> link) {
  async::Gate both{loop_.get_executor()};
  both.spawn("watch the owner of a TLS connection", link->watch_owner());
  both.spawn("carry out", link->carry_out());
  co_await link->carry_in();
  co_await both.close();
  links_.erase(link);
}

}  // namespace coworker::channel::tls
