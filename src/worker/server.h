#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/fd.h"
#include "base/time.h"
#include "channel/json_stream.h"
#include "worker/entrance.h"
#include "worker/loop_state.h"
#include "worker/outlet.h"

namespace coworker::worker {

class Session;

/// Serves the masters of an evented worker: one on a pair of pipes, or whoever connects to a socket. Half a message of
/// one, or nonsense, or one that does not read, keeps nobody else waiting.
///
/// Lives on the thread that calls run.
class Server {
 public:
  struct Options {
    channel::JsonStream::Limits limits{};
    std::optional<std::string> cookie{};  // nobody is privileged without one
    Millis drain{10'000};                 // after a stop: how long connected masters may stay
    std::string socket_path{};            // of the listening unix socket, to be removed
  };

  Server(EventedWorker& worker, Options options);
  ~Server();

  /// The worker's life. Exactly one of `pipes` and `listener`.
  struct Pipes {
    Fd in;
    Fd out;
    bool is_announced = false;
  };
  int run_dedicated(Pipes pipes);
  int run_shared(Entrance entrance);

 private:
  friend class Session;

  int run();
  void accept();
  void add(Fd in, Fd out, Peer peer, bool is_announced);
  void heard(Session& session, Said said);
  void handle(Session& session, std::string body, std::shared_ptr<MessageState> state);
  void query(Session& session, const QueryMessage& message);
  void stop_asked(Session& session, const StopMessage& message);
  bool is_privileged(const std::optional<std::string>& cookie) const;
  void left(const std::shared_ptr<Session>& session);
  void stop_listening();
  void stopped_from_outside();
  void begin_drain();
  void end_if_done();

  EventedWorker& worker_;
  Options options_;
  Loop loop_;
  std::optional<Entrance> entrance_;
  boost::asio::posix::stream_descriptor listener_;  // the entrance's descriptor
  boost::asio::signal_set signals_;
  boost::asio::steady_timer drain_;
  boost::asio::steady_timer pause_;  // before accepting again after an error
  std::set<std::shared_ptr<Session>> sessions_;
  std::pair<std::uint64_t, std::uint64_t> socket_id_{};  // device and inode of our socket's file
  bool is_draining_ = false;
};

/// Whether two secrets are the same, in a time that tells only their lengths.
bool is_same_secret(std::string_view one, std::string_view other);

}  // namespace coworker::worker
