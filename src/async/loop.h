#pragma once

#include <boost/asio/io_context.hpp>

namespace coworker::async {

/// One thread's event loop. Who creates it runs it; all else posts to it.
using Loop = boost::asio::io_context;

}  // namespace coworker::async
