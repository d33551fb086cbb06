#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "job/command.h"
#include "store/disque/connection.h"
#include "store/disque/handshake.h"
#include "store/store.h"

namespace coworker::store::disque {

/// The claims that wait. Each occupies a connection (a lane) until it is served; lanes are made when all are taken
/// and kept for later claims. Claims go to the server in the order they came.
///
/// Where the server knows CW.CANCEL a claim waits there for as long as asked, and is cancelled there. Elsewhere it
/// waits in slices, and a cancelled one ends with its slice: closing the connection could lose a job that is just
/// being delivered.
///
/// Thread safety: the loop's thread only. Lives until `close` and the last callback, held by a shared_ptr.
class ClaimLanes : public std::enable_shared_from_this<ClaimLanes> {
 public:
  struct Options {
    std::string password;
    Millis connect_limit{0};
    Millis slice{0};
    Connection::Tls tls{};
  };

  ClaimLanes(async::Loop& loop, Options options);

  /// Serves what waits from now on at `address`, asking `server` there; cancels through `main`. Claims that wait at the
  /// server before follow at the end of their slice.
  void attach(const channel::Address& address, Server server, std::shared_ptr<Connection> main);

  /// The server went away: claims sent to it fail with `reason`; the others wait for `attach`.
  void detach(const Error& reason);

  void claim(job::Claim claim, Store::Done done);
  void cancel(const job::CancelClaim& cancel, Store::Done done);

  /// Fails the claims that have not been sent and have waited since before `moment`.
  void expire(std::chrono::steady_clock::time_point moment, const Error& reason);

  void close(const Error& reason);

 private:
  using Clock = std::chrono::steady_clock;

  struct Waiting {
    job::Claim claim;
    Store::Done done;
    Clock::time_point since;
    bool cancelled = false;
    std::vector<Store::Done> cancels;  // who asked for it and wait for the end of the slice
  };
  struct Lane {
    std::shared_ptr<Connection> connection;
    std::string session;
    std::shared_ptr<Waiting> current;
  };

  bool is_elsewhere(const Lane& lane) const;
  void end_lane(const std::shared_ptr<Lane>& lane);
  void pump();
  void open_lane();
  void lane_opened(std::shared_ptr<Lane> lane, Result<Server> server);
  void start(const std::shared_ptr<Lane>& lane);
  void wait(const std::shared_ptr<Lane>& lane);
  void waited(const std::shared_ptr<Lane>& lane, Clock::time_point begun, Millis slice, Result<job::Answer> answer);
  void finish(const std::shared_ptr<Lane>& lane, Result<job::Answer> answer);

  async::Loop& loop_;
  Options options_;
  channel::Address address_;
  Server server_;
  std::shared_ptr<Connection> main_;  // null: detached
  std::shared_ptr<Lane> opening_;
  bool closed_ = false;
  std::deque<std::shared_ptr<Waiting>> queue_;
  std::vector<std::shared_ptr<Lane>> lanes_;
};

}  // namespace coworker::store::disque
