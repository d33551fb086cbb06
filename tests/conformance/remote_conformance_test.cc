#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/broker.h"
#include "async/gate.h"
#include "store/conformance/suite.h"
#include "store/open.h"

namespace coworker::store {
namespace {

/// A real broker on an empty directory of its own.
class ServedFolder {
 public:
  ServedFolder(const std::string& listen, std::uint64_t history_bytes) {
    std::string name = (std::filesystem::temp_directory_path() / "cw-conformance-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    app::BrokerOptions options;
    options.directory = folder_ + "/data";
    options.listen = {listen == "unix" ? "unix:" + folder_ + "/broker.sock" : listen};
    options.history_bytes = history_bytes;
    broker_ = std::make_unique<app::BrokerThread>(std::move(options));
    const Result<> started = broker_->start();
    if (!started) std::abort();
  }
  ~ServedFolder() {
    broker_->stop();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string url() const { return broker_->addresses().front(); }

 private:
  std::string folder_;
  std::unique_ptr<app::BrokerThread> broker_;
};

async::Task<> open_into(async::Loop& loop, std::string url, std::optional<Result<std::unique_ptr<Store>>>& result) {
  OpenOptions options;
  Result<std::unique_ptr<Store>> opened = co_await open_url(loop, std::move(url), options);
  result = std::move(opened);
}

Opened open_served(const std::string& listen, std::uint64_t history_bytes = 1 << 20) {
  auto folder = std::make_shared<ServedFolder>(listen, history_bytes);
  Opened opened;
  opened.loop = std::make_shared<async::Loop>(1);
  async::Gate gate{opened.loop->get_executor()};
  std::optional<Result<std::unique_ptr<Store>>> store;
  gate.spawn("open", open_into(*opened.loop, folder->url(), store));
  while (!store) opened.loop->run_one();
  if (!*store) std::abort();
  opened.store = std::move(**store);
  opened.keeps = std::move(folder);
  return opened;
}

INSTANTIATE_TEST_SUITE_P(Remote, StoreConformance,
                         testing::Values(Backend{"UnixSocket", [] { return open_served("unix"); }},
                                         Backend{"Tcp", [] { return open_served("tcp:127.0.0.1:0"); }},
                                         Backend{"WithoutHistory", [] { return open_served("unix", 0); }}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace coworker::store
