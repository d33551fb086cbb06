#include "net/rpc/server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/log.h"

namespace coworker::net::rpc {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

constexpr Millis kAcceptAgain{100};
constexpr Millis kLongestTick{1'000};
constexpr Millis kLastWords{1'000};  // for the answers to those whose requests are given up

std::string name_of(const Peer& peer) {
  if (!peer.unix_socket) return peer.address;
  return fmt::format("user {}, process {}", peer.uid, peer.pid);
}

}  // namespace

Server::Server(async::Loop& loop, Directory& directory, ServerOptions options)
    : loop_{loop},
      directory_{directory},
      options_{std::move(options)},
      node_{directory, options_.limits, {}, 0},
      stopped_{loop.get_executor()},
      empty_{loop.get_executor()},
      gate_{loop.get_executor()} {}

Server::~Server() = default;

Result<> Server::listen() {
  for (const Place& place : options_.listen) {
    const bool knows_callers = !place.token.empty() || (place.tls && !place.tls->settings().ca.empty());
    if (!place.address.is_local() && !knows_callers && !options_.insecure) {
      return fail(
          Errc::invalid_argument,
          fmt::format("listen on {}: others can reach this address; give it a token_file or a tls_client_ca, or "
                      "allow it with --insecure",
                      to_string(place.address)));
    }
  }
  std::vector<std::unique_ptr<Door>> doors;
  for (const Place& place : options_.listen) {
    Result<Listener> listener = Listener::open(place.address, options_.replace_sockets, place.mode, place.tls);
    if (!listener) return tl::unexpected{std::move(listener).error()};
    doors.push_back(std::make_unique<Door>(loop_, std::move(*listener), place));
  }
  doors_ = std::move(doors);
  for (const auto& door : doors_) gate_.spawn("accept", accept(door.get()));
  gate_.spawn("watch", tick());
  return {};
}

std::vector<channel::Address> Server::addresses() const {
  std::vector<channel::Address> list;
  for (const auto& door : doors_) list.push_back(door->listener.address());
  return list;
}

async::Task<> Server::accept(Door* door) {
  while (!stopping_) {
    const auto [error] = co_await door->wait.async_wait(Descriptor::wait_read, async::as_result);
    if (error) break;
    while (!stopping_) {
      Peer peer;
      Result<Fd> client = door->listener.accept(peer);
      if (client) {
        admit(std::move(*client), peer, door->place);
        continue;
      }
      if (client.error().code() == Errc::not_found) break;
      // Out of descriptors or memory: those who wait stay in the backlog meanwhile.
      co_await stopped_.wait_for(kAcceptAgain);
    }
  }
}

void Server::admit(Fd socket, const Peer& peer, const Place& place) {
  if (sessions_.size() >= options_.limits.clients) {
    const std::string text =
        refusal_text(place.dialect, fmt::format("too many connections: {} are possible", options_.limits.clients));
    static_cast<void>(::send(socket.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    return;
  }
  Caller caller;
  caller.who = name_of(peer);
  caller.token = place.token;
  caller.access = place.access;
  const std::uint64_t id = ++last_id_;
  auto session = std::make_unique<Session>(loop_, node_, std::move(socket), place.dialect, std::move(caller));
  Session* raw = session.get();
  if (options_.on_connect) options_.on_connect();
  sessions_.emplace(id, std::move(session));
  gate_.spawn("serve a client", serve(id, raw));
}

async::Task<> Server::serve(std::uint64_t id, Session* session) {
  co_await session->run();
  sessions_.erase(id);
  if (options_.on_hangup) options_.on_hangup();
  if (sessions_.empty()) empty_.set();
}

async::Task<> Server::tick() {
  const Millis pause = std::clamp(options_.limits.read_timeout / 4, Millis{10}, kLongestTick);
  while (!stopping_ || !sessions_.empty()) {
    co_await stopped_.wait_for(pause);
    if (stopping_) co_return;
    const Session::Clock::time_point now = Session::Clock::now();
    for (const auto& [id, session] : sessions_) session->watch(now);
  }
}

async::Task<> Server::stop(Millis drain) {
  stopping_ = true;
  stopped_.set();
  for (const auto& door : doors_) door->wait.cancel();
  empty_.reset();
  for (const auto& [id, session] : sessions_) session->finish();
  if (!sessions_.empty()) co_await empty_.wait_for(drain);
  directory_.abandon();
  if (!sessions_.empty()) co_await empty_.wait_for(kLastWords);
  for (const auto& [id, session] : sessions_) session->close();
  co_await gate_.close();
  doors_.clear();
}

}  // namespace coworker::net::rpc
