#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "coworker/producer.h"

namespace coworker {

/// Producer::add for Boost.Asio: `auto added = co_await coworker::async_add(producer, "mail", body, {},
/// use_awaitable);` or with any other completion token of the signature void(Added). The handler runs on `executor`, or
/// on the one that is associated with it. The producer must outlive the operation.
template <class Token>
auto async_add(const boost::asio::any_io_executor& executor, Producer& producer, std::string_view queue,
               std::string_view body, AddOptions options, Token&& token) {
  return boost::asio::async_initiate<Token, void(Added)>(
      [&producer, executor](auto handler, std::string_view to, std::string_view text, AddOptions how) {
        const auto target = boost::asio::get_associated_executor(handler, executor);
        // Shared, because std::function wants to copy what it holds and a handler cannot be.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        auto work = boost::asio::prefer(target, boost::asio::execution::outstanding_work.tracked);
        producer.add_then(to, text, std::move(how), [shared, target, work](Added added) {
          boost::asio::post(target, [shared, added = std::move(added)]() mutable { (*shared)(std::move(added)); });
        });
      },
      token, queue, body, std::move(options));
}

}  // namespace coworker
