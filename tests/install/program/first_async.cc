#include <coworker/asio.h>

#include <boost/asio/io_context.hpp>
#include <iostream>

int main() {
  boost::asio::io_context loop;
  coworker::Producer producer{"file:./coworker-data"};
  int failed = 1;
  coworker::async_add(loop.get_executor(), producer, "mail", R"({"to":"carl"})", {}, [&](coworker::Added added) {
    std::cout << (added ? added.id() : added.message()) << '\n';
    failed = added ? 0 : 1;
  });
  loop.run();
  return failed;
}
