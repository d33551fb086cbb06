#include "store/open.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "async/event.h"
#include "base/time.h"
#include "channel/tls/context.h"
#include "journal/open_disk.h"
#include "store/disque/remote_store.h"
#include "store/embedded/spool.h"
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
  remote.follows = url.starts_with("disque:");
  return remote;
}

/// Adds to the spool of a directory that nobody serves.
class SpoolStore final : public Store {
 public:
  SpoolStore(std::string url, std::unique_ptr<journal::Disk> disk, Spool spool)
      : url_{std::move(url)}, disk_{std::move(disk)}, spool_{std::move(spool)} {}

  void apply(job::Command command, Done done) override {
    const auto* add = std::get_if<job::Add>(&command);
    if (!spool_) return done(fail(Errc::unavailable, fmt::format("the store {} is closed", url_)));
    if (add == nullptr) return done(fail(Errc::invalid_argument, "without a broker, jobs can only be added here"));
    Result<job::JobId> id = spool_->add(*add, Time{wall_millis()});
    if (!id) return done(tl::unexpected{std::move(id.error())});
    done(job::Added{job::Added::Outcome::created, *id});
  }
  Capabilities capabilities() const override { return {.groups = true, .priorities = true}; }
  std::string url() const override { return url_; }
  void close() override {
    spool_.reset();
    disk_.reset();
  }

 private:
  std::string url_;
  std::unique_ptr<journal::Disk> disk_;
  std::optional<Spool> spool_;
};

Opened open_spool(const std::string& url, const std::string& directory) {
  Result<std::unique_ptr<journal::Disk>> disk = journal::open_disk(directory);
  if (!disk) return tl::unexpected{std::move(disk.error())};
  Result<Spool> spool = Spool::open(**disk);
  if (!spool) return tl::unexpected{std::move(spool.error())};
  return std::make_unique<SpoolStore>(url, std::move(*disk), std::move(*spool));
}

/// What is done with a directory whose broker does not answer.
enum class Otherwise { embed, spool };

Opened open_here(async::Loop& loop, const std::string& url, const OpenOptions& options, Otherwise otherwise) {
  if (otherwise == Otherwise::spool) return open_spool(url, options.embedded.directory);
  return open_embedded(loop, options.embedded);
}

async::Task<Opened> open_directory(async::Loop& loop, std::string url, std::string directory, OpenOptions options,
                                   Otherwise otherwise) {
  const Clock::time_point give_up = Clock::now() + options.patience;
  options.embedded.directory = directory;
  disque::RemoteOptions remote = remote_options(url, options);
  remote.nodes = {{channel::Address::Kind::unix_socket, directory + "/broker.sock", {}, 0}};
  while (true) {
    Opened broker = co_await open_nodes(loop, remote);
    if (broker || broker.error().code() == Errc::denied) co_return broker;
    Opened here = open_here(loop, url, options, otherwise);
    if (here || here.error().code() != Errc::conflict) co_return here;
    if (Clock::now() >= give_up) {
      co_return fail(Errc::conflict, fmt::format("{}; its broker does not answer: {}", here.error().message(),
                                                 broker.error().message()));
    }
    co_await async::sleep_for(kPause);
  }
}

async::Task<Opened> open(async::Loop& loop, std::string url, OpenOptions options, Otherwise otherwise) {
  Result<StoreUrl> parsed = parse_url(url);
  if (!parsed) co_return tl::unexpected{std::move(parsed.error())};
  if (!parsed->directory.empty()) {
    Opened opened = co_await open_directory(loop, url, parsed->directory, std::move(options), otherwise);
    co_return opened;
  }
  disque::RemoteOptions remote = remote_options(url, options);
  remote.nodes = std::move(parsed->nodes);
  const bool is_tls = std::any_of(remote.nodes.begin(), remote.nodes.end(),
                                  [](const auto& node) { return node.kind == channel::Address::Kind::tls; });
  if (is_tls) {
    auto context = channel::tls::Context::create(channel::tls::Context::Side::client, options.tls);
    if (!context) co_return tl::unexpected{std::move(context).error()};
    remote.tls = std::move(*context);
  }
  Opened opened = co_await open_nodes(loop, std::move(remote));
  co_return opened;
}

}  // namespace

async::Task<Opened> open_url(async::Loop& loop, std::string url, OpenOptions options) {
  return open(loop, std::move(url), std::move(options), Otherwise::embed);
}

async::Task<Opened> open_for_adding(async::Loop& loop, std::string url, OpenOptions options, bool with_index) {
  return open(loop, std::move(url), std::move(options), with_index ? Otherwise::embed : Otherwise::spool);
}

}  // namespace coworker::store
