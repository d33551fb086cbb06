#include "app/daemon_socket.h"

#include "base/file.h"
#include "base/log.h"

namespace coworker::app {
namespace {

constexpr Millis kPatience{1'000};  // for methods that still run when all else is over

Result<net::rpc::ServerOptions> options_of(DaemonParts& parts) {
  const DaemonKeys& keys = parts.keys;
  net::rpc::Place place;
  place.address = keys.address;
  place.dialect = keys.protocol == DaemonProtocol::rpc ? net::rpc::Dialect::standard : net::rpc::Dialect::comodojo;
  place.mode = keys.socket_mode;
  if (!keys.token_file.empty()) {
    Result<std::string> token = read_secret(keys.token_file);
    if (!token) return tl::unexpected{std::move(token.error()).wrap("tokenfile")};
    place.token = std::move(*token);
  }
  net::rpc::ServerOptions options;
  options.listen.push_back(std::move(place));
  options.limits.clients = keys.connections;
  options.limits.read_size = keys.read_size;
  if (keys.read_timeout > Millis{0}) options.limits.read_timeout = keys.read_timeout;
  options.on_connect = [&parts] { parts.events.emit("daemon.socket.client.connect"); };
  options.on_hangup = [&parts] { parts.events.emit("daemon.socket.client.hangup"); };
  return options;
}

}  // namespace

Result<std::unique_ptr<service::Companion>> DaemonSocket::open(async::Loop& loop, api::Backend& backend,
                                                               DaemonParts& parts, std::function<void()> on_stuck) {
  Result<net::rpc::ServerOptions> options = options_of(parts);
  if (!options) return tl::unexpected{std::move(options.error())};
  auto socket = std::make_unique<ControlSocket>(loop, backend, parts.methods);
  if (Result<> listening = socket->listen(std::move(*options)); !listening) {
    return tl::unexpected{std::move(listening.error())};
  }
  parts.calls.open(loop, backend);
  return std::make_unique<DaemonSocket>(parts, std::move(socket), std::move(on_stuck));
}

DaemonSocket::DaemonSocket(DaemonParts& parts, std::unique_ptr<ControlSocket> socket, std::function<void()> on_stuck)
    : parts_{parts}, socket_{std::move(socket)}, on_stuck_{std::move(on_stuck)} {}

DaemonSocket::~DaemonSocket() {
  if (socket_->finish(kPatience)) return;
  log::error("a method does not return; the daemon ends without it");
  // The method's thread uses it until the process ends, which is soon.
  static_cast<void>(socket_.release());
  on_stuck_();
}

async::Task<> DaemonSocket::stop() {
  co_await socket_->stop();
  co_await parts_.calls.close();
}

}  // namespace coworker::app
