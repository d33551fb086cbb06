#include "async/event.h"

#include <boost/asio/this_coro.hpp>
#include <memory>
#include <utility>

namespace coworker::async {

Event::Event(asio::any_io_executor executor) : waiting_{std::move(executor), asio::steady_timer::time_point::max()} {}

void Event::set() {
  set_ = true;
  waiting_.cancel();
}

Task<> Event::wait() {
  while (!set_) co_await waiting_.async_wait(as_result);
}

Task<bool> Event::wait_for(Millis limit) {
  if (set_) co_return true;
  // The deadline wakes everybody who waits; each then looks whether it was meant.
  bool expired = false;
  asio::steady_timer deadline{waiting_.get_executor(), limit};
  auto gone = std::make_shared<bool>(false);
  deadline.async_wait([this, gone, &expired](boost::system::error_code error) {
    if (*gone || error) return;
    expired = true;
    waiting_.cancel();
  });
  while (!set_ && !expired) co_await waiting_.async_wait(as_result);
  *gone = true;
  co_return set_;
}

Task<> sleep_for(Millis duration) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, duration};
  co_await timer.async_wait(as_result);
}

}  // namespace coworker::async
