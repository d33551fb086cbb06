#include "store/disque/claim_lanes.h"

#include <algorithm>
#include <utility>

#include "store/disque/reply_fields.h"
#include "store/disque/request_text.h"

namespace coworker::store::disque {
namespace {

job::Statuses one(job::Status status) {
  job::Statuses statuses;
  statuses.each.push_back(status);
  return statuses;
}

bool is_empty(const Result<job::Answer>& answer) {
  return answer && std::get<job::Claimed>(*answer).jobs.empty();
}

}  // namespace

ClaimLanes::ClaimLanes(async::Loop& loop, Options options) : loop_{loop}, options_{std::move(options)} {}

void ClaimLanes::attach(const channel::Address& address, Server server, std::shared_ptr<Connection> main) {
  address_ = address;
  server_ = std::move(server);
  main_ = std::move(main);
  // Claims at another server end by themselves and come here then.
  std::vector<std::shared_ptr<Lane>> idle;
  for (const std::shared_ptr<Lane>& lane : lanes_) {
    if (!lane->current && is_elsewhere(*lane)) idle.push_back(lane);
  }
  for (const std::shared_ptr<Lane>& lane : idle) end_lane(lane);
  pump();
}

bool ClaimLanes::is_elsewhere(const Lane& lane) const {
  return lane.connection->address() != address_;
}

void ClaimLanes::end_lane(const std::shared_ptr<Lane>& lane) {
  lane->connection->close(Error{Errc::unavailable, "another node is in use"});
}

void ClaimLanes::detach(const Error& reason) {
  main_.reset();
  if (const std::shared_ptr<Lane> opening = opening_) opening->connection->close(reason);
  std::vector<std::shared_ptr<Lane>> lanes;
  lanes.swap(lanes_);
  for (const std::shared_ptr<Lane>& lane : lanes) lane->connection->close(reason);
}

void ClaimLanes::claim(job::Claim claim, Store::Done done) {
  queue_.push_back(std::make_shared<Waiting>(Waiting{std::move(claim), std::move(done), Clock::now(), false, {}}));
  pump();
}

void ClaimLanes::pump() {
  while (main_ && !opening_ && !queue_.empty()) {
    const auto idle = std::find_if(lanes_.begin(), lanes_.end(), [this](const auto& lane) {
      return !lane->current && lane->connection->is_open() && !is_elsewhere(*lane);
    });
    if (idle == lanes_.end()) return open_lane();
    const std::shared_ptr<Lane> lane = *idle;
    lane->current = std::move(queue_.front());
    queue_.pop_front();
    start(lane);
  }
}

void ClaimLanes::open_lane() {
  const auto lane = std::make_shared<Lane>();
  opening_ = lane;
  lane->connection = Connection::create(loop_, options_.tls);
  lane->connection->open(address_, options_.connect_limit, [self = shared_from_this(), lane](Result<> opened) {
    if (!opened) return self->lane_opened(lane, tl::unexpected{std::move(opened.error())});
    shake_hands(lane->connection, self->options_.password,
                [self, lane](Result<Server> server) { self->lane_opened(lane, std::move(server)); });
  });
}

void ClaimLanes::lane_opened(std::shared_ptr<Lane> lane, Result<Server> server) {
  opening_.reset();
  if (!server) {
    lane->connection->close(server.error());
    // With the main connection lost too, claims wait for the next server; else this one refuses them.
    if (main_ && main_->is_open() && !queue_.empty()) {
      const std::shared_ptr<Waiting> refused = std::move(queue_.front());
      queue_.pop_front();
      refused->done(tl::unexpected{std::move(server.error())});
      pump();
    }
    return;
  }
  if (closed_ || !main_ || lane->connection->address() != address_) {
    lane->connection->close(Error{Errc::unavailable, "the store is closed"});
    return pump();
  }
  lane->session = server->session;
  lane->connection->on_lost([weak = weak_from_this(), lane_address = lane.get()](const Error&) {
    const std::shared_ptr<ClaimLanes> self = weak.lock();
    if (self) std::erase_if(self->lanes_, [&](const auto& each) { return each.get() == lane_address; });
  });
  lanes_.push_back(std::move(lane));
  pump();
}

void ClaimLanes::start(const std::shared_ptr<Lane>& lane) {
  job::Claim& claim = lane->current->claim;
  if (claim.fill || claim.count <= 1) return wait(lane);
  // Waiting servers may fill up to the count; a claim that may get one only must not ask for more while it waits.
  server_.dialect->claim(lane->connection, claim, Millis{-1},
                         [self = shared_from_this(), lane](Result<job::Answer> answer) {
                           if (!is_empty(answer)) return self->finish(lane, std::move(answer));
                           lane->current->claim.count = 1;
                           self->wait(lane);
                         });
}

void ClaimLanes::wait(const std::shared_ptr<Lane>& lane) {
  const Waiting& current = *lane->current;
  const Clock::time_point now = Clock::now();
  const bool is_for_ever = current.claim.wait.count() == 0;
  const auto left = std::chrono::ceil<Millis>(current.since + current.claim.wait - now);
  if (current.cancelled || (!is_for_ever && left.count() <= 0)) return finish(lane, job::Claimed{});
  Millis slice = is_for_ever ? Millis{0} : left;
  if (!server_.cancels_claims) slice = is_for_ever ? options_.slice : std::min(left, options_.slice);
  server_.dialect->claim(lane->connection, current.claim, slice,
                         [self = shared_from_this(), lane, now, slice](Result<job::Answer> answer) {
                           self->waited(lane, now, slice, std::move(answer));
                         });
}

void ClaimLanes::waited(const std::shared_ptr<Lane>& lane, Clock::time_point begun, Millis slice,
                        Result<job::Answer> answer) {
  // A server that answers "nothing" before the time is up means it; asking again at once would only spin.
  if (is_empty(answer) && is_elsewhere(*lane) && !lane->current->cancelled) {
    queue_.push_front(std::exchange(lane->current, nullptr));
    end_lane(lane);
    return pump();
  }
  const bool is_slice_over = slice.count() > 0 && Clock::now() - begun >= slice / 2;
  if (is_empty(answer) && is_slice_over && !server_.cancels_claims) return wait(lane);
  finish(lane, std::move(answer));
}

void ClaimLanes::finish(const std::shared_ptr<Lane>& lane, Result<job::Answer> answer) {
  const std::shared_ptr<Waiting> served = std::exchange(lane->current, nullptr);
  const bool was_empty = is_empty(answer);
  served->done(std::move(answer));
  for (const Store::Done& cancelled : served->cancels) {
    cancelled(one(was_empty ? job::Status::done : job::Status::not_found));
  }
  if (is_elsewhere(*lane)) end_lane(lane);
  pump();
}

void ClaimLanes::cancel(const job::CancelClaim& cancel, Store::Done done) {
  for (auto waiting = queue_.begin(); waiting != queue_.end(); ++waiting) {
    if ((*waiting)->claim.ticket != cancel.ticket) continue;
    const std::shared_ptr<Waiting> ended = *waiting;
    queue_.erase(waiting);
    ended->done(job::Claimed{});
    return done(one(job::Status::done));
  }
  for (const std::shared_ptr<Lane>& lane : lanes_) {
    if (!lane->current || lane->current->claim.ticket != cancel.ticket) continue;
    lane->current->cancelled = true;
    if (!server_.cancels_claims || !main_) {
      lane->current->cancels.push_back(std::move(done));
      return;
    }
    main_->send(RequestText{"CW.CANCEL"}.word(lane->session).take(), [done](Result<const Reply*> reply) {
      if (!reply) return done(tl::unexpected{std::move(reply.error())});
      const bool was_waiting = integer_of(**reply).value_or(0) > 0;
      done(one(was_waiting ? job::Status::done : job::Status::not_found));
    });
    return;
  }
  done(one(job::Status::not_found));
}

void ClaimLanes::expire(Clock::time_point moment, const Error& reason) {
  std::vector<std::shared_ptr<Waiting>> late;
  while (!queue_.empty() && queue_.front()->since < moment) {
    late.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  for (const std::shared_ptr<Waiting>& waiting : late) waiting->done(tl::unexpected{reason});
}

void ClaimLanes::close(const Error& reason) {
  closed_ = true;
  std::deque<std::shared_ptr<Waiting>> queue;
  queue.swap(queue_);
  detach(reason);
  for (const std::shared_ptr<Waiting>& waiting : queue) waiting->done(tl::unexpected{reason});
}

}  // namespace coworker::store::disque
