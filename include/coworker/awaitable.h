#pragma once

#include "coworker/waker.h"
#include "coworker/worker_factory.h"

/// What masters do, for coroutines of Boost.Asio:
///
///     auto answer = co_await coworker::async_call(worker, "12", 5s);
///
/// A master must outlive its operations. Any number of calls may be awaited at the same time, and one async_receive
/// beside them, all on one executor (a strand, where several threads run it). An operation whose coroutine is cancelled
/// tells `cancelled`; a call that is cancelled, or not answered in time, is cancelled at the worker, too.
namespace coworker {

/// Master::send; done when the message has left.
inline boost::asio::awaitable<Answer<>> async_send(Master& master, std::string json,
                                                   std::chrono::milliseconds timeout = kForever) {
  const auto executor = co_await boost::asio::this_coro::executor;
  detail::Operation operation{master, executor, timeout};
  bool is_begun = false;
  auto step = [&](Steps& steps) { return std::exchange(is_begun, true) ? steps.flush() : steps.send(json); };
  Answer<> sent = co_await detail::repeat<std::monostate>(operation, "send", step);
  co_return sent;
}

/// Master::receive.
inline boost::asio::awaitable<Answer<std::string>> async_receive(Master& master,
                                                                 std::chrono::milliseconds timeout = kForever) {
  const auto executor = co_await boost::asio::this_coro::executor;
  detail::Operation operation{master, executor, timeout};
  auto step = [](Steps& steps) { return steps.receive(); };
  Answer<std::string> message = co_await detail::repeat<std::string>(operation, "receive", step);
  co_return message;
}

/// Master::call. `on_progress` is called for each progress message on the way.
inline boost::asio::awaitable<Answer<std::string>> async_call(
    Master& master, std::string json, std::chrono::milliseconds timeout = kForever,
    std::function<void(const std::string&)> on_progress = {}) {
  const auto executor = co_await boost::asio::this_coro::executor;
  detail::Operation operation{master, executor, timeout};
  std::uint64_t id = 0;
  auto step = [&](Steps& steps) -> Answer<std::string> {
    if (id == 0) {
      const Answer<std::uint64_t> begun = steps.begin_call(json);
      if (!begun) return begun.failure();
      id = *begun;
    }
    return steps.end_call(id, on_progress);
  };
  Answer<std::string> answer = co_await detail::repeat<std::string>(operation, "call", step);
  if (detail::is_given_up(answer.trouble())) operation.steps.drop_call(id);
  co_return answer;
}

/// SharedWorker::query.
inline boost::asio::awaitable<Answer<Status>> async_query(SharedWorker& worker,
                                                          std::chrono::milliseconds timeout = kForever) {
  const auto executor = co_await boost::asio::this_coro::executor;
  detail::Operation operation{worker, executor, timeout};
  bool is_begun = false;
  auto step = [&](Steps& steps) -> Answer<Status> {
    const Answer<> begun = std::exchange(is_begun, true) ? Answer<>{} : steps.begin_query(worker.cookie());
    return begun ? steps.end_query() : Answer<Status>{begun.failure()};
  };
  Answer<Status> status = co_await detail::repeat<Status>(operation, "query", step);
  if (detail::is_given_up(status.trouble())) operation.steps.drop_query();
  co_return status;
}

/// SharedWorker::stop; one that does not acknowledge is told as timed_out.
inline boost::asio::awaitable<Answer<bool>> async_stop(SharedWorker& worker,
                                                       std::chrono::milliseconds timeout = std::chrono::seconds{10}) {
  const auto executor = co_await boost::asio::this_coro::executor;
  detail::Operation operation{worker, executor, timeout};
  bool is_begun = false;
  auto step = [&](Steps& steps) -> Answer<bool> {
    const Answer<> begun = std::exchange(is_begun, true) ? Answer<>{} : steps.begin_stop(worker.cookie());
    return begun ? steps.end_stop() : Answer<bool>{begun.failure()};
  };
  Answer<bool> stopped = co_await detail::repeat<bool>(operation, "stop", step);
  co_return stopped;
}

/// SharedWorker::wait_for_end.
inline boost::asio::awaitable<Answer<>> async_wait_for_end(SharedWorker& worker,
                                                           std::chrono::milliseconds timeout = kForever) {
  const auto executor = co_await boost::asio::this_coro::executor;
  detail::Operation operation{worker, executor, timeout};
  auto step = [](Steps& steps) { return steps.end_of_channel(); };
  Answer<> ended = co_await detail::repeat<std::monostate>(operation, "wait for the end", step);
  co_return ended;
}

}  // namespace coworker
