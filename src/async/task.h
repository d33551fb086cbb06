#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace coworker::async {

namespace asio = boost::asio;

/// A coroutine on a loop. Started with `Gate::spawn`, or awaited by another Task.
template <class T = void>
using Task = asio::awaitable<T>;

/// Completion token whose co_await yields a tuple that begins with the error code, and never throws:
///
///     auto [error, size] = co_await socket.async_read_some(buffer, async::as_result);
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace coworker::async
