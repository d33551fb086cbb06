#include "async/gate.h"

#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <exception>
#include <utility>

#include "base/check.h"

namespace coworker::async {
namespace {

std::string text_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace

Gate::Gate(asio::any_io_executor executor)
    : executor_{std::move(executor)}, drained_{executor_, asio::steady_timer::time_point::max()} {}

Gate::~Gate() = default;

bool Gate::spawn(std::string name, Task<> task) {
  if (closed_) return false;
  ++running_;
  asio::co_spawn(executor_, std::move(task), [this, name = std::move(name)](const std::exception_ptr& failure) {
    if (failure)
      std::fprintf(stderr, "coworker: %s ended by an exception: %s\n", name.c_str(), text_of(failure).c_str());
    leave();
  });
  return true;
}

Task<> Gate::close() {
  closed_ = true;
  while (running_ != 0) co_await drained_.async_wait(as_result);
}

void Gate::leave() noexcept {
  CW_CHECK(running_ > 0);
  if (--running_ == 0) drained_.cancel();
}

}  // namespace coworker::async
