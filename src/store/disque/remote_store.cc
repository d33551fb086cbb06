#include "store/disque/remote_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <random>
#include <utility>

#include "base/log.h"
#include "store/disque/claim_lanes.h"
#include "store/disque/connection.h"
#include "store/disque/handshake.h"

namespace coworker::store::disque {
namespace {

constexpr Millis kFirstPause{20};
constexpr Millis kLongestPause{1'000};

// What may be asked twice without another effect than asking once.
struct Repeatable {
  bool operator()(const job::Add& add) const { return !add.idempotency_key.empty(); }
  bool operator()(const job::SetQueue&) const { return true; }
  bool operator()(const job::Show&) const { return true; }
  bool operator()(const job::QueueStat&) const { return true; }
  bool operator()(const job::Peek&) const { return true; }
  bool operator()(const job::ScanQueues&) const { return true; }
  bool operator()(const job::ScanJobs&) const { return true; }
  bool operator()(const job::Totals&) const { return true; }
  bool operator()(const job::Held&) const { return true; }
  bool operator()(const job::History&) const { return true; }
  template <class Other>
  bool operator()(const Other&) const {
    return false;
  }
};

/// What a remote store is while callbacks may still come; the Store that the caller owns is a handle to it.
class Remote : public std::enable_shared_from_this<Remote> {
 public:
  Remote(async::Loop& loop, RemoteOptions options)
      : loop_{loop},
        options_{std::move(options)},
        pause_{loop},
        lanes_{std::make_shared<ClaimLanes>(
            loop, ClaimLanes::Options{options_.password, options_.connect_limit, options_.claim_slice})} {
    std::shuffle(options_.nodes.begin(), options_.nodes.end(), std::random_device{});
  }

  /// Tries each node once.
  void open(std::function<void(Result<>)> done) {
    on_open_ = std::move(done);
    connect(0);
  }

  void apply(job::Command command, Store::Done done);
  void close();

  const Capabilities& capabilities() const { return server_.capabilities; }
  const std::string& url() const { return options_.url; }
  bool connected() const { return up_ && main_->is_open(); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Waiting {
    job::Command command;
    Store::Done done;
    Clock::time_point since;
  };

  void connect(std::size_t node);
  void connected(std::size_t node, Result<Server> server);
  void lost(const Error& reason);
  void connect_later();
  void start(job::Command command, Store::Done done);
  void expire(const Error& reason);

  async::Loop& loop_;
  RemoteOptions options_;
  boost::asio::steady_timer pause_;
  std::shared_ptr<ClaimLanes> lanes_;
  std::function<void(Result<>)> on_open_;  // until the first server was found, or none
  std::shared_ptr<Connection> main_;
  Server server_;
  bool up_ = false;
  bool closed_ = false;
  Millis next_pause_ = kFirstPause;
  std::deque<Waiting> waiting_;  // while there is no server
};

void Remote::connect(std::size_t node) {
  if (closed_) return;
  main_ = Connection::create(loop_);
  main_->open(options_.nodes[node], options_.connect_limit,
              [self = shared_from_this(), node, connection = main_](Result<> opened) {
                if (!opened) return self->connected(node, tl::unexpected{std::move(opened.error())});
                shake_hands(connection, self->options_.password,
                            [self, node](Result<Server> server) { self->connected(node, std::move(server)); });
              });
}

void Remote::connected(std::size_t node, Result<Server> server) {
  if (closed_) return;
  if (!server) {
    main_->close(server.error());
    const bool is_last = node + 1 == options_.nodes.size();
    if (!is_last && server.error().code() != Errc::denied) return connect(node + 1);
    if (on_open_) return std::exchange(on_open_, {})(tl::unexpected{std::move(server.error())});
    expire(server.error());
    return connect_later();
  }
  server_ = std::move(*server);
  up_ = true;
  next_pause_ = kFirstPause;
  main_->on_lost([weak = weak_from_this()](const Error& reason) {
    if (const std::shared_ptr<Remote> self = weak.lock()) self->lost(reason);
  });
  if (on_open_) {
    std::exchange(on_open_, {})({});
  } else {
    log::info(fmt::format("connected again to {}", to_string(main_->address())));
  }
  lanes_->attach(main_->address(), server_, main_);
  std::deque<Waiting> waiting;
  waiting.swap(waiting_);
  for (Waiting& each : waiting) apply(std::move(each.command), std::move(each.done));
}

void Remote::lost(const Error& reason) {
  if (closed_) return;
  up_ = false;
  log::warning(reason.message());
  lanes_->detach(reason);
  connect_later();
}

void Remote::connect_later() {
  if (closed_) return;
  pause_.expires_after(next_pause_);
  next_pause_ = std::min(2 * next_pause_, kLongestPause);
  pause_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->connect(0);
  });
}

void Remote::expire(const Error& reason) {
  const Clock::time_point moment = Clock::now() - options_.patience;
  std::vector<Waiting> late;
  while (!waiting_.empty() && (waiting_.front().since <= moment || reason.code() == Errc::denied)) {
    late.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  for (const Waiting& each : late) each.done(tl::unexpected{reason});
  lanes_->expire(moment, reason);
}

void Remote::start(job::Command command, Store::Done done) {
  if (!std::visit(Repeatable{}, command)) return server_.dialect->apply(main_, command, std::move(done));
  const auto kept = std::make_shared<job::Command>(std::move(command));
  server_.dialect->apply(main_, *kept, [self = shared_from_this(), kept, done](Result<job::Answer> answer) {
    const bool was_lost = !answer && answer.error().code() == Errc::unavailable && !self->main_->is_open();
    if (!was_lost || self->closed_) return done(std::move(answer));
    self->waiting_.push_back({std::move(*kept), done, Clock::now()});
  });
}

void Remote::apply(job::Command command, Store::Done done) {
  if (closed_) return done(fail(Errc::unavailable, fmt::format("the store {} is closed", url())));
  if (auto* claim = std::get_if<job::Claim>(&command); claim != nullptr && claim->blocking) {
    return lanes_->claim(std::move(*claim), std::move(done));
  }
  if (const auto* cancel = std::get_if<job::CancelClaim>(&command)) return lanes_->cancel(*cancel, std::move(done));
  if (connected()) return start(std::move(command), std::move(done));
  waiting_.push_back({std::move(command), std::move(done), Clock::now()});
}

void Remote::close() {
  if (std::exchange(closed_, true)) return;
  const Error reason{Errc::unavailable, fmt::format("the store {} is closed", url())};
  pause_.cancel();
  std::deque<Waiting> waiting;
  waiting.swap(waiting_);
  for (const Waiting& each : waiting) each.done(tl::unexpected{reason});
  lanes_->close(reason);
  if (main_) main_->close(reason);
}

class RemoteStore final : public Store {
 public:
  explicit RemoteStore(std::shared_ptr<Remote> remote) : remote_{std::move(remote)} {}
  ~RemoteStore() override { remote_->close(); }

  void apply(job::Command command, Done done) override { remote_->apply(std::move(command), std::move(done)); }
  Capabilities capabilities() const override { return remote_->capabilities(); }
  std::string url() const override { return remote_->url(); }
  bool connected() const override { return remote_->connected(); }
  void close() override { remote_->close(); }

 private:
  std::shared_ptr<Remote> remote_;
};

}  // namespace

void open_remote(async::Loop& loop, RemoteOptions options, OnStore done) {
  const auto remote = std::make_shared<Remote>(loop, std::move(options));
  remote->open([remote, done = std::move(done)](Result<> opened) {
    if (!opened) {
      Error error = std::move(opened.error());
      remote->close();
      return done(tl::unexpected{std::move(error)});
    }
    done(std::make_unique<RemoteStore>(remote));
  });
}

}  // namespace coworker::store::disque
