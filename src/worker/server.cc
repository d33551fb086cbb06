#include "worker/server.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "async/spin.h"
#include "base/log.h"
#include "worker/session.h"

namespace coworker::worker {
namespace {

using Stream = boost::asio::posix::stream_descriptor;

constexpr Millis kAcceptPause{100};  // when there are no descriptors left

std::pair<std::uint64_t, std::uint64_t> id_of(const std::string& path) {
  struct stat status{};
  if (path.empty() || ::lstat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

}  // namespace

bool is_same_secret(std::string_view one, std::string_view other) {
  volatile unsigned char difference = one.size() == other.size() ? 0 : 1;
  for (std::size_t i = 0; i < other.size(); ++i) {
    const char c = one.empty() ? '\0' : one[i % one.size()];
    difference =
        static_cast<unsigned char>(difference | (static_cast<unsigned char>(c) ^ static_cast<unsigned char>(other[i])));
  }
  return difference == 0;
}

Server::Server(EventedWorker& worker, Options options)
    : worker_{worker},
      options_{std::move(options)},
      listener_{loop_.state().loop},
      signals_{loop_.state().loop},
      drain_{loop_.state().loop},
      pause_{loop_.state().loop} {
  loop_.state().on_change = [this] { end_if_done(); };
  loop_.state().on_stop_listening = [this] {
    if (!listener_.is_open()) return;
    stop_listening();
    begin_drain();
  };
}

Server::~Server() = default;

int Server::run_dedicated(Pipes pipes) {
  try {
    worker_.set_loop(loop_);
    worker_.initialize();
  } catch (...) {
    const std::string text = exception_text();
    log::error(fmt::format("the worker cannot start: {}", text));
    const std::string last = to_json(FaultMessage{std::nullopt, kStart, text}) + "\n";
    if (pipes.is_announced && ::write(pipes.out.get(), last.data(), last.size()) < 0) return 1;
    return 1;
  }
  add(std::move(pipes.in), std::move(pipes.out), {}, pipes.is_announced);
  return run();
}

int Server::run_shared(Entrance entrance) {
  socket_id_ = id_of(options_.socket_path);
  entrance_ = std::move(entrance);
  boost::system::error_code error;
  listener_.assign(entrance_->native_handle(), error);
  try {
    worker_.set_loop(loop_);
    worker_.initialize();
  } catch (...) {
    log::error(fmt::format("the worker cannot start: {}", exception_text()));
    stop_listening();
    return 1;
  }
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.async_wait([this](boost::system::error_code aborted, int) {
    if (!aborted) stopped_from_outside();
  });
  accept();
  return run();
}

int Server::run() {
  async::run_spinning(loop_.state().loop);
  stop_listening();
  try {
    worker_.terminate();
  } catch (...) {
    log::error(fmt::format("the worker's end: {}", exception_text()));
    return 1;
  }
  return 0;
}

// ---- masters ------------------------------------------------------------------------------------

void Server::accept() {
  if (!listener_.is_open()) return;
  listener_.async_wait(Stream::wait_read, [this](boost::system::error_code error) {
    if (error || !listener_.is_open()) return;
    while (listener_.is_open()) {
      Result<Entrance::Entered> entered = entrance_->accept();
      if (entered) {
        add(std::move(entered->socket), Fd{}, std::move(entered->peer), false);
        continue;
      }
      if (entered.error().code() == Errc::not_found) break;
      log::warning(fmt::format("{}; trying again soon", entered.error().message()));
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](boost::system::error_code aborted) {
        if (!aborted) accept();
      });
      return;
    }
    accept();
  });
}

void Server::add(Fd in, Fd out, Peer peer, bool is_announced) {
  const auto session = std::make_shared<Session>(*this, std::move(in), std::move(out), listener_.is_open());
  session->peer = std::move(peer);
  sessions_.insert(session);
  Connection connection{session};
  try {
    worker_.on_connect(connection);
  } catch (...) {
    log::error(fmt::format("a master was not taken: {}", exception_text()));
    session->put(FaultMessage{std::nullopt, kHandler, exception_text()});
    return session->close();
  }
  session->start(is_announced);
}

void Server::left(const std::shared_ptr<Session>& session) {
  if (sessions_.erase(session) == 0) return;
  Connection connection{session};
  try {
    worker_.on_disconnect(connection);
  } catch (...) {
    log::error(fmt::format("a callback of the worker threw: {}", exception_text()));
  }
  end_if_done();
}

void Server::heard(Session& session, Said said) {
  if (auto* message = std::get_if<ApplicationMessage>(&said)) {
    handle(session, std::move(message->body), std::make_shared<MessageState>(session.weak_from_this(), std::nullopt));
  } else if (const auto* asked = std::get_if<QueryMessage>(&said)) {
    query(session, *asked);
  } else if (const auto* stop = std::get_if<StopMessage>(&said)) {
    stop_asked(session, *stop);
  }
}

void Server::handle(Session& session, std::string body, std::shared_ptr<MessageState> state) {
  const std::optional<std::uint64_t> id = state->id;
  Message message{std::move(body), state};
  Connection connection{session.shared_from_this()};
  try {
    worker_.on_message(message, connection);
  } catch (...) {
    const std::string text = exception_text();
    log::error(fmt::format("a message could not be handled: {}", text));
    state->is_answered = true;
    session.put(FaultMessage{id, kHandler, text});
    if (session.dialect != Dialect::full) session.close();
  }
}

// ---- status and stop ----------------------------------------------------------------------------

bool Server::is_privileged(const std::optional<std::string>& cookie) const {
  return options_.cookie && cookie && is_same_secret(*cookie, *options_.cookie);
}

void Server::query(Session& session, const QueryMessage& message) {
  try {
    session.put(StatusMessage{worker_.on_query(is_privileged(message.cookie))});
  } catch (...) {
    session.put(FaultMessage{std::nullopt, kNoStatus, exception_text()});
    if (session.dialect != Dialect::full) session.close();
  }
}

void Server::stop_asked(Session& session, const StopMessage& message) {
  if (!is_privileged(message.cookie)) {
    log::warning("a stop with a wrong cookie was refused");
    if (session.dialect == Dialect::full) {
      session.put(FaultMessage{std::nullopt, kDenied, "not authorised to stop this worker"});
    }
    return;
  }
  session.is_stopper = true;
  stopped_from_outside();
  if (session.dialect == Dialect::full) {
    session.put(StoppingMessage{sessions_.size() - 1, static_cast<std::uint64_t>(options_.drain.count())});
  }
  end_if_done();
}

void Server::stopped_from_outside() {
  if (!listener_.is_open()) return;
  stop_listening();
  try {
    worker_.on_stop();
  } catch (...) {
    log::error(fmt::format("a callback of the worker threw: {}", exception_text()));
  }
  begin_drain();
}

void Server::stop_listening() {
  if (!listener_.is_open()) return;
  // Nobody replaces the file of a socket that is listened on, so it is still ours or was removed by somebody.
  if (socket_id_.second != 0 && id_of(options_.socket_path) == socket_id_) ::unlink(options_.socket_path.c_str());
  listener_.release();
  entrance_->close();
  pause_.cancel();
}

void Server::begin_drain() {
  is_draining_ = true;
  drain_.expires_after(options_.drain);
  drain_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    log::warning(fmt::format("{} masters were still connected when the time to end was up", sessions_.size()));
    const std::vector<std::shared_ptr<Session>> all{sessions_.begin(), sessions_.end()};
    for (const auto& session : all) session->abort();
    loop_.state().timers.clear();
    loop_.state().watches.clear();
    signals_.cancel();
  });
  end_if_done();
}

void Server::end_if_done() {
  if (!is_draining_ || loop_.state().is_waiting()) return;
  for (const auto& session : sessions_) {
    if (!session->is_stopper) return;
  }
  drain_.cancel();
  signals_.cancel();
  for (const auto& session : sessions_) session->close();
}

}  // namespace coworker::worker
