#include "store/disque/remote_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <random>
#include <utility>

#include "base/log.h"
#include "base/pauses.h"
#include "store/disque/claim_lanes.h"
#include "store/disque/connection.h"
#include "store/disque/handshake.h"
#include "store/disque/nodes.h"
#include "store/disque/request_text.h"

namespace coworker::store::disque {
namespace {

constexpr PauseRule kPauses{.first = Millis{15}, .longest = Millis{750}, .spread = 0.33};

// What may be asked twice without another effect than asking once. Without tokens an answer for a job is one: any node
// takes it, and what comes a second time finds nothing left to do.
struct Repeatable {
  static bool unfenced(const job::JobRef& job) { return job.token == job::Token{}; }
  template <class Jobs>
  static bool all_unfenced(const Jobs& jobs) {
    return std::all_of(jobs.begin(), jobs.end(), unfenced);
  }

  bool operator()(const job::Ack& ack) const { return all_unfenced(ack.jobs); }
  bool operator()(const job::Release& release) const { return all_unfenced(release.jobs); }
  bool operator()(const job::Extend& extend) const { return all_unfenced(extend.jobs); }
  bool operator()(const job::Retry& retry) const {
    return std::all_of(retry.items.begin(), retry.items.end(), [](const auto& item) { return unfenced(item.job); });
  }
  bool operator()(const job::Add& add) const { return !add.idempotency_key.empty(); }
  bool operator()(const job::Disown&) const { return true; }
  bool operator()(const job::ForgetRegisters&) const { return true; }
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
            loop, ClaimLanes::Options{options_.password, options_.connect_limit, options_.claim_slice, options_.tls})},
        nodes_{options_.nodes, std::random_device{}()} {}

  /// Tries each node once.
  void open(std::function<void(Result<>)> done) {
    on_open_ = std::move(done);
    begin_round();
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

  void begin_round();
  void connect(std::size_t node);
  void connected(std::size_t node, Result<Server> server);
  void adopt(Server server);
  void ask_for_nodes();
  void received(const Result<job::Answer>& answer);
  void move_to(const channel::Address& node);
  void moved(Result<Server> server);
  void leave();
  void lost(const Error& reason);
  void connect_later();
  void start(job::Command command, Store::Done done);
  void refused(job::Command command, Store::Done done, Result<job::Answer> answer);
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
  Nodes nodes_;
  std::vector<channel::Address> round_;              // the nodes, in the order of this round of attempts
  std::shared_ptr<Connection> moving_;               // to the node that is better
  std::vector<std::weak_ptr<Connection>> draining_;  // to nodes that were left; they still answer
  Pauses pauses_{kPauses};
  std::deque<Waiting> waiting_;  // while there is no server
};

void Remote::begin_round() {
  round_ = nodes_.candidates();
  connect(0);
}

void Remote::connect(std::size_t node) {
  if (closed_) return;
  main_ = Connection::create(loop_, options_.tls);
  main_->open(round_[node], options_.connect_limit,
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
    const bool is_last = node + 1 == round_.size();
    if (!is_last && server.error().code() != Errc::denied) return connect(node + 1);
    if (on_open_) return std::exchange(on_open_, {})(tl::unexpected{std::move(server.error())});
    expire(server.error());
    return connect_later();
  }
  pauses_.reset();
  up_ = true;
  if (on_open_) {
    adopt(std::move(*server));
    return std::exchange(on_open_, {})({});
  }
  log::info(fmt::format("connected again to {}", to_string(main_->address())));
  adopt(std::move(*server));
}

/// `main_` is connected to it.
void Remote::adopt(Server server) {
  server_ = std::move(server);
  main_->on_lost([weak = weak_from_this()](const Error& reason) {
    if (const std::shared_ptr<Remote> self = weak.lock()) self->lost(reason);
  });
  nodes_.use(main_->address());
  if (options_.follows) ask_for_nodes();
  lanes_->attach(main_->address(), server_, main_);
  std::deque<Waiting> waiting;
  waiting.swap(waiting_);
  for (Waiting& each : waiting) apply(std::move(each.command), std::move(each.done));
}

void Remote::ask_for_nodes() {
  ask_nodes(main_, [self = shared_from_this(), connection = main_](const Result<Hello>& hello) {
    if (!hello || self->closed_ || connection != self->main_) return;
    self->nodes_.learn(*hello);
    if (self->nodes_.should_leave()) self->leave();
  });
}

/// What a claim brought: jobs tell where they were made, and a refusal that the node may be leaving.
void Remote::received(const Result<job::Answer>& answer) {
  if (closed_ || !connected()) return;
  if (!answer) {
    if (answer.error().code() == Errc::unavailable) ask_for_nodes();
    return;
  }
  for (const job::Delivery& job : std::get<job::Claimed>(*answer).jobs) nodes_.count(job.id);
  if (const std::optional<channel::Address> better = nodes_.better()) move_to(*better);
}

void Remote::move_to(const channel::Address& node) {
  if (moving_) return;
  moving_ = Connection::create(loop_, options_.tls);
  moving_->open(node, options_.connect_limit, [self = shared_from_this(), connection = moving_](Result<> opened) {
    if (!opened) return self->moved(tl::unexpected{std::move(opened.error())});
    shake_hands(connection, self->options_.password, [self](Result<Server> server) { self->moved(std::move(server)); });
  });
}

void Remote::moved(Result<Server> server) {
  const std::shared_ptr<Connection> target = std::exchange(moving_, nullptr);
  if (closed_ || !connected() || !server) {
    target->close(Error{Errc::unavailable, "not needed any more"});
    if (!closed_ && connected()) nodes_.use(main_->address());  // counts anew
    return;
  }
  log::info(fmt::format("moving to {}, where the jobs come from", to_string(target->address())));
  const std::shared_ptr<Connection> former = std::exchange(main_, target);
  former->on_lost({});
  std::erase_if(draining_, [](const auto& each) { return each.expired(); });
  draining_.push_back(former);
  // Replies come in order: after this one it owes nothing.
  former->send(RequestText{"PING"}.take(), [former](const Result<const channel::resp::Reply*>& reply) {
    if (reply) former->close(Error{Errc::unavailable, "another node is in use"});
  });
  adopt(std::move(*server));
}

void Remote::leave() {
  main_->close(Error{Errc::unavailable, fmt::format("{} is leaving its cluster", to_string(main_->address()))});
}

void Remote::lost(const Error& reason) {
  if (closed_) return;
  up_ = false;
  log::warning(reason.message());
  nodes_.lost();
  lanes_->detach(reason);
  connect_later();
}

void Remote::connect_later() {
  if (closed_) return;
  pause_.expires_after(pauses_.next());
  pause_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->begin_round();
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
  const bool is_repeatable = std::visit(Repeatable{}, command);
  if (!is_repeatable && !options_.follows) return server_.dialect->apply(main_, command, std::move(done));
  const auto kept = std::make_shared<job::Command>(std::move(command));
  server_.dialect->apply(
      main_, *kept, [self = shared_from_this(), kept, done, is_repeatable, link = main_](Result<job::Answer> answer) {
        const bool has_failed = !answer && answer.error().code() == Errc::unavailable;
        if (self->options_.follows && std::holds_alternative<job::Claim>(*kept)) self->received(answer);
        if (!has_failed || self->closed_) return done(std::move(answer));
        if (link->is_open() && self->options_.follows) {
          return self->refused(std::move(*kept), done, std::move(answer));
        }
        if (link->is_open() || !is_repeatable) return done(std::move(answer));
        self->waiting_.push_back({std::move(*kept), done, Clock::now()});
      });
}

/// The server itself says no. If that is because it is leaving, another node is asked.
void Remote::refused(job::Command command, Store::Done done, Result<job::Answer> answer) {
  ask_nodes(main_, [self = shared_from_this(), link = main_, command = std::move(command), done = std::move(done),
                    answer = std::move(answer)](const Result<Hello>& hello) mutable {
    if (hello && link == self->main_) self->nodes_.learn(*hello);
    const bool leaves = link == self->main_ && link->is_open() && self->nodes_.should_leave();
    if (self->closed_ || !leaves) return done(std::move(answer));
    self->waiting_.push_back({std::move(command), std::move(done), Clock::now()});
    self->leave();
  });
}

void Remote::apply(job::Command command, Store::Done done) {
  if (closed_) return done(fail(Errc::unavailable, fmt::format("the store {} is closed", url())));
  if (auto* claim = std::get_if<job::Claim>(&command); claim != nullptr && claim->blocking) {
    if (!options_.follows) return lanes_->claim(std::move(*claim), std::move(done));
    return lanes_->claim(std::move(*claim),
                         [self = shared_from_this(), done = std::move(done)](Result<job::Answer> answer) {
                           self->received(answer);
                           done(std::move(answer));
                         });
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
  if (moving_) moving_->close(reason);
  for (const std::weak_ptr<Connection>& each : draining_) {
    if (const std::shared_ptr<Connection> former = each.lock()) former->close(reason);
  }
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
