#include "app/broker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <cstdio>
#include <future>

#include "async/event.h"
#include "base/build.h"
#include "base/file.h"
#include "base/log.h"
#include "channel/address.h"
#include "channel/tls/context.h"
#include "proc/systemd.h"

namespace coworker::app {
namespace {

constexpr std::uint64_t kOwnDescriptors = 64;  // the store's files, listeners and the like

/// Allows as many descriptors as the system lets us; returns how many clients that is.
std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024 - kOwnDescriptors;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur > 2 * kOwnDescriptors ? limit.rlim_cur - kOwnDescriptors : kOwnDescriptors;
}

Result<std::vector<channel::Address>> listen_addresses(const BrokerOptions& options) {
  std::vector<std::string> texts = options.listen;
  if (texts.empty()) texts = {"unix:" + options.directory + "/broker.sock", "tcp:127.0.0.1:7711"};
  std::vector<channel::Address> addresses;
  for (const std::string& text : texts) {
    Result<channel::Address> address = channel::parse_address(text);
    if (!address) return tl::unexpected{std::move(address).error()};
    addresses.push_back(std::move(*address));
  }
  return addresses;
}

Result<std::vector<net::resp::OtherNode>> peers_of(const BrokerOptions& options) {
  std::vector<net::resp::OtherNode> peers;
  for (const std::string& text : options.peers) {
    const Result<channel::Address> address = channel::parse_address(text);
    if (!address) return tl::unexpected{Error{address.error()}.wrap("peer")};
    if (address->kind != channel::Address::Kind::tcp || address->port == 0) {
      return fail(Errc::invalid_argument, fmt::format("peer: '{}' is not tcp:HOST:PORT", text));
    }
    peers.push_back({net::resp::node_at(address->host, address->port), address->host, address->port});
  }
  return peers;
}

std::string_view appendfsync(store::Durability durability) {
  switch (durability) {
    case store::Durability::commit:
      return "always";
    case store::Durability::interval:
      return "everysec";
    case store::Durability::none:
      return "no";
  }
  return "always";
}

/// Blocks: before the store is open there is nothing else to do on the loop.
Result<std::unique_ptr<store::Store>> open_patiently(async::Loop& loop, const store::EmbeddedOptions& options,
                                                     Millis patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    Result<std::unique_ptr<store::Store>> store = store::open_embedded(loop, options);
    const bool has_owner = !store && store.error().code() == Errc::conflict;
    if (!has_owner || std::chrono::steady_clock::now() >= give_up) return store;
    std::this_thread::sleep_for(Millis{20});
  }
}

}  // namespace

Broker::Broker(async::Loop& loop, BrokerOptions options) : loop_{loop}, options_{std::move(options)} {}

Broker::~Broker() = default;

Result<> Broker::start(std::function<void()> on_shutdown) {
  net::resp::ServerOptions serve;
  Result<std::vector<channel::Address>> addresses = listen_addresses(options_);
  if (!addresses) return tl::unexpected{std::move(addresses).error()};
  serve.listen = std::move(*addresses);
  const bool is_tls = std::any_of(serve.listen.begin(), serve.listen.end(),
                                  [](const auto& each) { return each.kind == channel::Address::Kind::tls; });
  if (is_tls) {
    auto context = channel::tls::Context::create(channel::tls::Context::Side::server, options_.tls);
    if (!context) return tl::unexpected{std::move(context).error()};
    serve.tls = std::move(*context);
  }
  Result<std::vector<net::resp::OtherNode>> peers = peers_of(options_);
  if (!peers) return tl::unexpected{std::move(peers).error()};
  serve.identity.peers = std::move(*peers);
  if (!options_.password_file.empty()) {
    Result<std::string> password = read_secret(options_.password_file);
    if (!password) return tl::unexpected{std::move(password).error()};
    serve.settings.password = std::move(*password);
  }
  // With TLS there are three descriptors for each connection, beside those of handshakes.
  const std::uint64_t room = raise_descriptor_limit() / (is_tls ? 4 : 1);
  if (room < options_.max_clients) {
    log::warning("fewer clients than allowed can connect: the limit on open files is too low",
                 {{"clients", std::to_string(room)}, {"allowed", std::to_string(options_.max_clients)}});
  }
  serve.settings.max_clients = static_cast<std::uint32_t>(std::min<std::uint64_t>(room, options_.max_clients));

  store::EmbeddedOptions embedded;
  embedded.directory = options_.directory;
  embedded.durability = options_.durability;
  embedded.interval = options_.interval;
  embedded.sync_acks = options_.sync_acks;
  embedded.history_bytes = options_.history_bytes;
  embedded.history_age = options_.history_age;
  embedded.segment_bytes = options_.segment_bytes;
  embedded.sync_record = options_.sync_record;
  Result<std::unique_ptr<store::Store>> store = open_patiently(loop_, embedded, options_.owner_patience);
  if (!store) return tl::unexpected{std::move(store).error()};

  serve.limits = options_.limits;
  serve.insecure = options_.insecure;
  serve.replace_sockets = true;  // whoever made them has lost the store's lock to us
  serve.identity.version = version();
  serve.identity.build = build_id();
  serve.identity.directory = options_.directory;
  serve.identity.durability = appendfsync(options_.durability);
  serve.shut_down = std::move(on_shutdown);
  auto server = std::make_unique<net::resp::Server>(loop_, **store, std::move(serve));
  if (Result<> listening = server->listen(); !listening) return listening;
  store_ = std::move(*store);
  server_ = std::move(server);
  return {};
}

std::vector<std::string> Broker::addresses() const {
  std::vector<std::string> texts;
  for (const channel::Address& address : server_->addresses()) texts.push_back(to_string(address));
  return texts;
}

async::Task<> Broker::stop() {
  co_await server_->stop(options_.drain);
  store_->close();
  // What the store answered just now still goes to sessions, and what they give back to the store.
  co_await boost::asio::post(loop_, async::as_result);
  co_await boost::asio::post(loop_, async::as_result);
}

// ---- on a thread of its own ---------------------------------------------------------------------------

namespace {

async::Task<> stop_and_leave(Broker* broker, async::Loop* loop) {
  co_await broker->stop();
  loop->stop();
}

/// Signals are for the thread that owns the process, except those that this thread's own faults raise.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) ::sigdelset(&all, fault);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Result<> BrokerThread::start(std::function<void()> on_shutdown) {
  std::promise<Result<>> started;
  std::future<Result<>> outcome = started.get_future();
  broker_ = std::make_unique<Broker>(loop_, options_);
  gate_ = std::make_unique<async::Gate>(loop_.get_executor());
  thread_ = std::thread{[this, started = std::move(started), on_shutdown = std::move(on_shutdown)]() mutable {
    block_signals();
    Result<> result = broker_->start(on_shutdown);
    const bool serves = result.has_value();
    if (serves) addresses_ = broker_->addresses();
    started.set_value(std::move(result));
    if (serves) loop_.run();
    broker_.reset();
  }};
  Result<> result = outcome.get();
  if (!result) thread_.join();
  return result;
}

void BrokerThread::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(loop_, [this] { gate_->spawn("stop the broker", stop_and_leave(broker_.get(), &loop_)); });
  thread_.join();
}

// ---- as a program -------------------------------------------------------------------------------------

namespace {

/// Waits for a reason to stop, then stops.
async::Task<> serve_until_told(Broker* broker, boost::asio::signal_set* signals, proc::Systemd* manager,
                               async::Loop* loop) {
  std::string because;
  while (because.empty()) {
    const auto [error, signal] = co_await signals->async_wait(async::as_result);
    if (error) {
      because = "a client said SHUTDOWN";
    } else if (signal == SIGHUP || signal == SIGUSR1) {
      log::reopen();
    } else {
      because = ::strsignal(signal);
    }
  }
  log::info("the broker stops", {{"because", because}});
  manager->stopping();
  co_await broker->stop();
  loop->stop();
}

}  // namespace

int run_broker(const BrokerOptions& options, const std::function<void()>& on_ready) {
  proc::Systemd manager;
  async::Loop loop{1};
  Broker broker{loop, options};
  boost::asio::signal_set signals{loop, SIGTERM, SIGINT, SIGHUP};
  signals.add(SIGUSR1);
  if (Result<> started = broker.start([&signals] { signals.cancel(); }); !started) {
    std::fprintf(stderr, "coworker broker: %s\n", started.error().message().c_str());
    return 1;
  }
  async::Gate gate{loop.get_executor()};
  async::Event over{loop.get_executor()};
  gate.spawn("serve", serve_until_told(&broker, &signals, &manager, &loop));
  gate.spawn("watchdog", proc::keep_alive(&manager, &over));
  std::string line = fmt::format("coworker broker: serving {} on", broker.store().url());
  for (const std::string& address : broker.addresses()) line += " " + address;
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  manager.ready(line);
  on_ready();
  loop.run();
  return 0;
}

}  // namespace coworker::app
