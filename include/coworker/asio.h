#pragma once

#include <unistd.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "coworker/producer.h"
#include "coworker/worker_factory.h"

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

/// Master::receive for Boost.Asio: `auto message = co_await coworker::async_receive(executor, worker, use_awaitable);`
/// or with any other completion token of the signature void(Answer<std::string>). The master must outlive the
/// operation, and nothing else may be done with it until then but to send.
template <class Token>
auto async_receive(const boost::asio::any_io_executor& executor, Master& master, Token&& token) {
  // A descriptor of its own, so that closing it here does not close the master's.
  auto stream = std::make_shared<boost::asio::posix::stream_descriptor>(executor);
  boost::system::error_code failed;
  stream->assign(::dup(master.native_handle()), failed);
  return boost::asio::async_compose<Token, void(Answer<std::string>)>(
      [&master, stream, failed, is_started = false](auto& self, boost::system::error_code error = {}) mutable {
        boost::asio::posix::stream_descriptor& readable = *stream;
        // The first time this runs within the call that starts it, where nothing is completed.
        if (!std::exchange(is_started, true)) return boost::asio::post(readable.get_executor(), std::move(self));
        if (failed) error = failed;
        // Before each wait, since the loop does not see what the master has read already.
        Answer<std::string> message = Failure{Trouble::failed, "receive: " + error.message()};
        if (!error) message = master.receive(std::chrono::milliseconds{0});
        if (message.trouble() != Trouble::timed_out) return self.complete(std::move(message));
        readable.async_wait(boost::asio::posix::stream_descriptor::wait_read, std::move(self));
      },
      token, executor);
}

}  // namespace coworker
