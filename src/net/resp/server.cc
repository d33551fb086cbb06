#include "net/resp/server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <string_view>
#include <utility>

#include "net/resp/command.h"

namespace coworker::net::resp {
namespace {

constexpr Millis kAcceptAgain{100};
constexpr Millis kTick{1000};

Identity complete(Identity identity, const store::Store& store) {
  if (identity.node.empty()) identity.node = store.node();
  if (identity.node.empty()) identity.node = random_node();
  if (identity.run.empty()) identity.run = random_node();
  if (identity.url.empty()) identity.url = store.url();
  return identity;
}

void keep_alive(int socket, std::int64_t seconds) {
  if (seconds <= 0) return;
  const int on = 1;
  const int idle = static_cast<int>(seconds);
  const int interval = idle > 3 ? idle / 3 : 1;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
}

}  // namespace

Server::Server(async::Loop& loop, store::Store& store, ServerOptions options)
    : loop_{loop},
      options_{std::move(options)},
      node_{store, *this, complete(options_.identity, store), options_.settings, options_.limits},
      stopped_{loop.get_executor()},
      all_ended_{loop.get_executor()},
      gate_{loop.get_executor()} {
  node_.stats.commands.resize(commands().size());
}

Server::~Server() = default;

Result<> Server::listen() {
  for (const channel::Address& address : options_.listen) {
    const bool is_secure = address.is_local() || address.kind == channel::Address::Kind::tls;
    if (!is_secure && node_.settings.password.empty() && !options_.insecure) {
      return fail(Errc::invalid_argument, fmt::format("listen on {}: others can reach this address; set a password, "
                                                      "use tls:HOST:PORT, or allow it with --insecure",
                                                      to_string(address)));
    }
  }
  std::vector<Listener> opened;
  for (const channel::Address& address : options_.listen) {
    Result<Listener> listener = Listener::open(address, options_.replace_sockets, 0600, options_.tls);
    if (!listener) return tl::unexpected{std::move(listener).error()};
    const channel::Address& actual = listener->address();
    if (!actual.is_unix() && node_.identity.port == 0) node_.identity.port = actual.port;
    if (actual.is_unix() && node_.identity.unix_path.empty()) {
      node_.identity.unix_path = actual.path;
    }
    opened.push_back(std::move(*listener));
  }
  listeners_ = std::move(opened);
  for (Listener& listener : listeners_) gate_.spawn("accept", accept(&listener));
  gate_.spawn("watch", tick());
  return {};
}

std::vector<channel::Address> Server::addresses() const {
  std::vector<channel::Address> list;
  for (const Listener& listener : listeners_) list.push_back(listener.address());
  return list;
}

async::Task<> Server::accept(Listener* listener) {
  using Descriptor = boost::asio::posix::stream_descriptor;
  waits_.push_back(std::make_unique<Descriptor>(loop_.get_executor(), listener->descriptor()));
  Descriptor& wait = *waits_.back();
  while (!stopping_) {
    const auto [error] = co_await wait.async_wait(Descriptor::wait_read, async::as_result);
    if (error) break;
    while (!stopping_) {
      Peer peer;
      Result<Fd> client = listener->accept(peer);
      if (client) {
        admit(std::move(*client), std::move(peer));
        continue;
      }
      if (client.error().code() == Errc::not_found) break;
      // Out of descriptors or memory: those who wait stay in the backlog meanwhile.
      co_await stopped_.wait_for(kAcceptAgain);
    }
  }
  wait.release();
}

void Server::admit(Fd socket, Peer peer) {
  ++node_.stats.connections;
  if (node_.sessions.size() >= node_.settings.max_clients) {
    ++node_.stats.rejected;
    constexpr std::string_view kFull = "-ERR max number of clients reached\r\n";
    static_cast<void>(::send(socket.get(), kFull.data(), kFull.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    return;
  }
  if (!peer.unix_socket) keep_alive(socket.get(), node_.settings.tcp_keepalive);
  const std::uint64_t id = next_id_++;
  auto session = std::make_unique<Session>(loop_.get_executor(), node_, id, std::move(socket), std::move(peer));
  Session& started = *session;
  node_.sessions.emplace(id, &started);
  sessions_.emplace(id, std::move(session));
  started.start();
}

/// Once a second.
async::Task<> Server::tick() {
  while (true) {
    const bool stop = co_await stopped_.wait_for(kTick);
    if (stop) co_return;
    node_.stats.sample();
    const Session::Clock::time_point now = Session::Clock::now();
    for (auto next = node_.sessions.begin(); next != node_.sessions.end();) {
      Session* session = (next++)->second;  // watch may close it, which takes it out of the map
      session->watch(now);
    }
  }
}

// ---- Host -------------------------------------------------------------------------------------------

void Server::later(Session& session) {
  if (std::exchange(session.scheduled_, true)) return;
  scheduled_.push_back(&session);
  post_turns();
}

void Server::post_turns() {
  if (std::exchange(turns_posted_, true)) return;
  boost::asio::post(loop_, [this] { turns(); });
}

void Server::turns() {
  turns_posted_ = false;
  // A session that ends from here on may still stand in `scheduled_`: it is destroyed by the next turns.
  const std::vector<std::uint64_t> ended = std::exchange(ended_, {});
  const std::vector<Session*> due = std::exchange(scheduled_, {});
  for (Session* session : due) {
    session->scheduled_ = false;
    session->turn();
  }
  for (const std::uint64_t id : ended) sessions_.erase(id);
  if (stopping_ && sessions_.empty()) all_ended_.set();
}

void Server::ended(Session& session) {
  if (std::exchange(session.ended_, true)) return;
  ended_.push_back(session.id());
  post_turns();
}

void Server::after(Millis delay, std::function<void()> work) {
  gate_.spawn("timer", run_after(delay, std::move(work)));
}

async::Task<> Server::run_after(Millis delay, std::function<void()> work) {
  const bool stop = co_await stopped_.wait_for(delay);
  if (!stop) work();
}

void Server::pause(Millis duration) {
  node_.paused = true;
  const std::uint64_t pause = ++pauses_;
  after(duration, [this, pause] {
    if (pause != pauses_) return;
    node_.paused = false;
    for (const auto& [id, session] : node_.sessions) later(*session);
  });
}

void Server::shut_down() {
  boost::asio::post(loop_, [this] {
    if (options_.shut_down) options_.shut_down();
  });
}

async::Task<> Server::stop(Millis drain) {
  stopping_ = true;
  node_.paused = true;
  node_.leaving = true;
  for (const auto& wait : waits_) wait->cancel();
  for (const auto& [id, session] : node_.sessions) {
    session->unblock(true);
    session->finish();
  }
  if (sessions_.empty()) all_ended_.set();
  co_await all_ended_.wait_for(drain);
  std::vector<Session*> open;
  for (const auto& [id, session] : node_.sessions) open.push_back(session);
  for (Session* session : open) session->close();
  stopped_.set();
  co_await gate_.close();
  listeners_.clear();
}

}  // namespace coworker::net::resp
