#include "store/open.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

#include "async/event.h"
#include "store/disque/remote_store.h"
#include "store/url.h"

namespace coworker::store {
namespace {

using Opened = Result<std::unique_ptr<Store>>;
using Clock = std::chrono::steady_clock;

constexpr Millis kPause{25};  // between two attempts at a directory whose owner is starting or stopping

async::Task<Opened> open_nodes(async::Loop& loop, disque::RemoteOptions options) {
  struct Waiting {
    explicit Waiting(async::Loop& on) : done{on.get_executor()} {}
    async::Event done;
    std::optional<Opened> opened{};
  };
  // Shared: the callback may come after this coroutine was given up with its loop.
  const auto waiting = std::make_shared<Waiting>(loop);
  disque::open_remote(loop, std::move(options), [waiting](Opened opened) {
    waiting->opened = std::move(opened);
    waiting->done.set();
  });
  co_await waiting->done.wait();
  co_return std::move(*waiting->opened);
}

disque::RemoteOptions remote_options(const std::string& url, const OpenOptions& options) {
  disque::RemoteOptions remote;
  remote.url = url;
  remote.password = options.password;
  remote.patience = options.patience;
  return remote;
}

async::Task<Opened> open_directory(async::Loop& loop, std::string url, std::string directory, OpenOptions options) {
  const Clock::time_point give_up = Clock::now() + options.patience;
  options.embedded.directory = directory;
  disque::RemoteOptions remote = remote_options(url, options);
  remote.nodes = {{channel::Address::Kind::unix_socket, directory + "/broker.sock", {}, 0}};
  while (true) {
    Opened broker = co_await open_nodes(loop, remote);
    if (broker || broker.error().code() == Errc::denied) co_return broker;
    Opened embedded = open_embedded(loop, options.embedded);
    if (embedded || embedded.error().code() != Errc::conflict) co_return embedded;
    if (Clock::now() >= give_up) {
      co_return fail(Errc::conflict, fmt::format("{}; its broker does not answer: {}", embedded.error().message(),
                                                 broker.error().message()));
    }
    co_await async::sleep_for(kPause);
  }
}

}  // namespace

async::Task<Opened> open_url(async::Loop& loop, std::string url, OpenOptions options) {
  Result<StoreUrl> parsed = parse_url(url);
  if (!parsed) co_return tl::unexpected{std::move(parsed.error())};
  if (!parsed->directory.empty()) {
    Opened opened = co_await open_directory(loop, url, parsed->directory, std::move(options));
    co_return opened;
  }
  disque::RemoteOptions remote = remote_options(url, options);
  remote.nodes = std::move(parsed->nodes);
  Opened opened = co_await open_nodes(loop, std::move(remote));
  co_return opened;
}

}  // namespace coworker::store
