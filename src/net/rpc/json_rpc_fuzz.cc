#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <string>

#include "net/rpc/fake_backend.h"
#include "net/rpc/json_rpc.h"

// Whatever is sent: the answer, if there is one, is JSON in one line.
namespace {

using namespace coworker;
using namespace coworker::net::rpc;

async::Task<> answer_into(Directory& directory, std::string document, std::optional<std::string>& answer) {
  Caller caller;
  answer = co_await answer_json(directory, std::move(document), caller);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  async::Loop loop;
  FakeBackend backend;
  Directory directory{loop, backend};
  std::optional<std::string> answer;
  std::string document{reinterpret_cast<const char*>(data), size};
  async::asio::co_spawn(loop, answer_into(directory, std::move(document), answer), [](const std::exception_ptr& error) {
    if (error) std::abort();
  });
  loop.run();
  if (!answer) return 0;
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 128;
  static_cast<void>(boost::json::parse(*answer, error, {}, options));
  if (error || answer->find('\n') != std::string::npos) std::abort();
  return 0;
}
