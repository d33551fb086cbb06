#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "coworker/awaitable.h"

namespace coworker {

/// WorkerFactory for coroutines. Starting, connecting and closing wait in threads of its own, so that no loop does;
/// they cannot be cancelled, and end by the limits of the profile.
///
/// Must outlive its operations. Destroying it waits for the threads.
class AsyncFactory {
 public:
  explicit AsyncFactory(Profile profile = {}, std::size_t threads = 2)
      : factory_{std::move(profile)}, threads_{threads} {}
  ~AsyncFactory() { threads_.join(); }

  boost::asio::awaitable<Answer<DedicatedWorker>> create_worker(std::string name) {
    return outside([this, name = std::move(name)] { return factory_.create_worker(name); });
  }
  boost::asio::awaitable<Answer<DedicatedWorker>> create_program(std::vector<std::string> command) {
    return outside([this, command = std::move(command)] { return factory_.create_program(command); });
  }
  boost::asio::awaitable<Answer<WorkerPool>> create_pool(std::string name, std::optional<int> count = {},
                                                         Replacement replacement = Replacement::none) {
    return outside(
        [this, name = std::move(name), count, replacement] { return factory_.create_pool(name, count, replacement); });
  }
  boost::asio::awaitable<Answer<SharedWorker>> connect(std::string address, std::string name = {}) {
    return outside(
        [this, address = std::move(address), name = std::move(name)] { return factory_.connect(address, name); });
  }
  boost::asio::awaitable<Answer<>> start_shared(std::string address, std::string name) {
    return outside(
        [this, address = std::move(address), name = std::move(name)] { return factory_.start_shared(address, name); });
  }
  /// DedicatedWorker::close.
  boost::asio::awaitable<WorkerEnd> close(DedicatedWorker& worker) {
    return outside([&worker] { return worker.close(); });
  }
  /// WorkerPool::receive; who died is waited for and replaced in a thread. Cancelling it throws operation_aborted.
  boost::asio::awaitable<Answer<WorkerPool::Received>> receive(WorkerPool& pool,
                                                               std::chrono::milliseconds timeout = kForever) {
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto waker = std::make_shared<detail::Waker>(executor, timeout);
    const Closing closing{*waker};
    for (;;) {
      Answer<WorkerPool::Received> received = pool.try_receive();
      if (received && !pool.is_alive(received->worker)) {
        const std::size_t place = received->worker;
        auto mend = [&pool, place] { return pool.mend(place); };
        received->end = co_await outside(mend);
      }
      if (received.trouble() != Trouble::timed_out || waker->is_late()) co_return received;
      for (std::size_t place = 0; place < pool.size(); ++place) {
        if (pool.is_alive(place)) waker->when(pool[place].native_handle(), detail::Waker::Stream::wait_read);
      }
      co_await waker->wait();
    }
  }

 private:
  struct Closing {
    detail::Waker& waker;
    ~Closing() { waker.close(); }
  };

  template <class Work>
  static boost::asio::awaitable<std::optional<std::invoke_result_t<Work&>>> there(Work work) {
    co_return std::optional{work()};
  }
  /// Runs it in a thread, and comes back.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work&>> outside(Work work) {
    auto task = there(std::move(work));
    auto done = co_await boost::asio::co_spawn(threads_, std::move(task), boost::asio::use_awaitable);
    co_return std::move(*done);
  }

  WorkerFactory factory_;
  boost::asio::thread_pool threads_;
};

}  // namespace coworker
