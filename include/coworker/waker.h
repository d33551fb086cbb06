#pragma once

#include <unistd.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coworker/steps.h"

/// What coworker/awaitable.h is made of.
namespace coworker {

namespace detail {

/// What a coroutine waits on: woken when a descriptor may be ready, when another operation took something in, at the
/// deadline, or by cancellation.
class Waker : public std::enable_shared_from_this<Waker> {
 public:
  using Clock = std::chrono::steady_clock;
  using Stream = boost::asio::posix::stream_descriptor;

  Waker(const boost::asio::any_io_executor& executor, std::chrono::milliseconds timeout) : timer_{executor} {
    constexpr std::chrono::hours kLong{24 * 36'500};  // more would not fit into a point of time
    deadline_ = timeout >= kLong ? Clock::time_point::max() : Clock::now() + timeout;
    timer_.expires_at(deadline_);
  }

  /// Wakes once when the descriptor is ready.
  void when(int fd, Stream::wait_type what) {
    Watched& watched = of(fd, what);
    if (std::exchange(watched.is_waiting, true)) return;
    watched.stream->async_wait(what, [self = shared_from_this(), &watched](boost::system::error_code) {
      watched.is_waiting = false;
      self->wake();
    });
  }
  void wake() { timer_.cancel(); }
  bool is_late() const { return Clock::now() >= deadline_; }
  boost::asio::awaitable<void> wait() {
    boost::system::error_code ignored;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
  void close() {
    for (const auto& each : watched_) each->stream->close();
  }

 private:
  struct Watched {
    int fd;
    Stream::wait_type what;
    std::unique_ptr<Stream> stream;
    bool is_waiting = false;
  };

  Watched& of(int fd, Stream::wait_type what) {
    for (const auto& each : watched_) {
      if (each->fd == fd && each->what == what) return *each;
    }
    // A descriptor of its own, so that closing it here does not close the master's.
    auto stream = std::make_unique<Stream>(timer_.get_executor(), ::dup(fd));
    watched_.push_back(std::make_unique<Watched>(Watched{fd, what, std::move(stream)}));
    return *watched_.back();
  }

  boost::asio::steady_timer timer_;
  Clock::time_point deadline_;
  std::vector<std::unique_ptr<Watched>> watched_;
};

/// One waker for an operation on a master, told of what others take in.
class Operation {
 public:
  Operation(Master& master, const boost::asio::any_io_executor& executor, std::chrono::milliseconds timeout)
      : steps{master},
        waker{std::make_shared<Waker>(executor, timeout)},
        handle_{master.native_handle()},
        watch_{steps.watch([waker = waker.get()] { waker->wake(); })} {}
  ~Operation() {
    steps.unwatch(watch_);
    waker->close();
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  /// Why it is not waited any longer; nullopt: try the step again.
  boost::asio::awaitable<std::optional<Failure>> wait(const char* what) {
    const auto before = co_await boost::asio::this_coro::cancellation_state;
    if (before.cancelled() != boost::asio::cancellation_type::none) {
      co_return Failure{Trouble::cancelled, std::string{what} + ": cancelled"};
    }
    if (waker->is_late()) co_return Failure{Trouble::timed_out, std::string{what} + ": not in time"};
    waker->when(handle_, Waker::Stream::wait_read);
    if (steps.has_unsent()) waker->when(steps.writable_handle(), Waker::Stream::wait_write);
    co_await waker->wait();
    co_return std::nullopt;
  }

  Steps steps;
  std::shared_ptr<Waker> waker;

 private:
  int handle_;
  std::uint64_t watch_;
};

/// Repeats `step` until it need not wait.
template <class T, class Step>
boost::asio::awaitable<Answer<T>> repeat(Operation& operation, const char* what, Step& step) {
  const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);  // it is told instead
  Answer<T> told;
  for (;;) {
    const Answer<> left = operation.steps.flush();
    const bool is_stuck = !left && left.trouble() != Trouble::timed_out;
    told = is_stuck ? Answer<T>{left.failure()} : step(operation.steps);
    if (told.trouble() != Trouble::timed_out) break;
    std::optional<Failure> over = co_await operation.wait(what);
    if (!over) continue;
    told = std::move(*over);
    break;
  }
  co_await boost::asio::this_coro::throw_if_cancelled(throws);
  co_return told;
}

inline bool is_given_up(Trouble trouble) {
  return trouble == Trouble::timed_out || trouble == Trouble::cancelled;
}

}  // namespace detail

}  // namespace coworker
