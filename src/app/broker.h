#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "async/gate.h"
#include "async/loop.h"
#include "base/error.h"
#include "base/time.h"
#include "channel/tls/settings.h"
#include "net/resp/server.h"
#include "store/embedded/embedded_store.h"
#include "store/store.h"

namespace coworker::app {

struct BrokerOptions {
  std::string directory = "./coworker-data";
  std::vector<std::string> listen{};  // empty: unix:DIRECTORY/broker.sock and tcp:127.0.0.1:7711
  std::vector<std::string> peers{};   // tcp addresses of other brokers, see net::resp::OtherNode
  store::Durability durability = store::Durability::commit;
  Millis interval{100};
  bool sync_acks = false;
  std::uint64_t segment_bytes = 0;
  std::uint64_t history_bytes = std::uint64_t{1} << 30;
  Millis history_age{7 * 86'400'000};
  channel::tls::Settings tls{};  // of tls: addresses
  std::string password_file{};   // empty: no password. Its first line is the password
  std::uint32_t max_clients = 10'000;
  bool insecure = false;  // listen on addresses that others can reach without a password
  net::resp::Limits limits{};
  std::string sync_record{};  // told what is synced, for tests that cut the power (journal/open_disk.h)
  Millis owner_patience{0};   // how long another owner of the directory is waited for: who only adds leaves soon
  Millis drain{5'000};        // how long `stop` waits for clients to fetch their replies
};

/// A store that this process owns, served over the Disque protocol.
///
/// Lives on the loop's thread, like the store and the server inside. Call `stop` and await it before it is
/// destroyed, once `start` has succeeded.
class Broker {
 public:
  Broker(async::Loop& loop, BrokerOptions options);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// Opens the store and all addresses, or nothing. `on_shutdown` is called when a client says SHUTDOWN.
  Result<> start(std::function<void()> on_shutdown);

  /// Where it listens, with the ports that the system chose.
  std::vector<std::string> addresses() const;

  /// Accepts nobody, answers what is open, closes the store.
  async::Task<> stop();

  store::Store& store() { return *store_; }

 private:
  async::Loop& loop_;
  BrokerOptions options_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<net::resp::Server> server_;
};

/// A Broker on a thread and loop of its own, beside whatever else the process does.
///
/// Thread safety: one thread, the owner's, calls it.
class BrokerThread {
 public:
  explicit BrokerThread(BrokerOptions options) : options_{std::move(options)} {}
  ~BrokerThread() { stop(); }
  BrokerThread(const BrokerThread&) = delete;
  BrokerThread& operator=(const BrokerThread&) = delete;

  /// Returns when it serves, or why it does not. `on_shutdown` is called on the broker's thread when a client
  /// says SHUTDOWN; it must not call `stop` itself.
  Result<> start(std::function<void()> on_shutdown = {});

  const std::vector<std::string>& addresses() const noexcept { return addresses_; }

  /// Drains, closes the store and joins. May be called more than once.
  void stop();

 private:
  BrokerOptions options_;
  async::Loop loop_{1};
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<async::Gate> gate_;
  std::vector<std::string> addresses_;
  std::thread thread_;
};

/// `coworker broker`: serves until SIGTERM, SIGINT or a client's SHUTDOWN. Prints one line to standard output
/// when it is ready, and tells systemd; then `on_ready` is called. SIGHUP and SIGUSR1 open the log again. Returns the
/// exit status.
int run_broker(const BrokerOptions& options, const std::function<void()>& on_ready);

}  // namespace coworker::app
