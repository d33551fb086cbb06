#include "net/resp/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/time.h"
#include "channel/resp/encode.h"
#include "net/resp/command.h"
#include "net/resp/error.h"
#include "net/resp/format.h"
#include "net/resp/monitor.h"
#include "net/resp/node.h"

namespace coworker::net::resp {

using channel::resp::RequestDecoder;

Session::Session(boost::asio::any_io_executor executor, Node& node, std::uint64_t id, Fd socket, Peer peer)
    : authenticated{node.settings.password.empty()},
      node_{node},
      id_{id},
      peer_{std::move(peer)},
      socket_{std::move(executor), socket.release()},
      connected_{Clock::now()},
      last_request_{connected_} {}

bool Session::may_execute() const {
  return !closed_ && !finishing_ && !node_.paused && blocked_ticket_ == 0 && turn_left_ > 0 &&
         unsent() < node_.limits.unsent && replies_.size() < node_.limits.open_replies;
}

/// Executes the requests at the front of `input`; returns how many bytes they took. What cannot be executed
/// now is left, and is decoded again when its time comes: when a slot is filled, the server's pause ends, or,
/// with again_, at the next turn.
std::size_t Session::execute(std::string_view input, RequestDecoder& decoder) {
  std::size_t consumed = 0;
  while (consumed < input.size() && may_execute()) {
    const RequestDecoder::Step step = decoder.next(input.substr(consumed));
    if (step == RequestDecoder::Step::incomplete) break;
    if (step == RequestDecoder::Step::malformed) {
      channel::resp::append_error(reply(), "ERR " + decoder.error());
      if (std::exchange(reply_open_, false)) replies_.fill(reply_slot_, output());
      finish();
      return input.size();
    }
    if (!decoder.words().empty() && !dispatch(decoder.words())) break;
    consumed += decoder.consumed();
  }
  again_ = consumed < input.size() && !finishing_ && (turn_left_ == 0 || unsent() >= node_.limits.unsent);
  return consumed;
}

/// False: not now.
bool Session::dispatch(std::span<const std::string_view> words) {
  const CommandSpec* spec = words[0] == last_word_ ? last_command_ : find_command(words[0]);
  reply_open_ = false;
  reply_silent_ = silence == Silence::on;
  if (silence == Silence::next) {
    silence = Silence::off;
    reply_silent_ = true;
  }
  if (refuse(words, spec)) {
    if (reply_open_) replies_.fill(reply_slot_, output());
    return true;
  }
  const bool must_wait = ((spec->flags & kAfterAdds) != 0 && adds_open_ > 0) ||
                         ((spec->flags & kClaims) != 0 && claims_open_ >= node_.limits.open_claims);
  if (must_wait) {
    if (reply_silent_ && silence == Silence::off) silence = Silence::next;
    return false;
  }
  if (spec != last_command_) {
    last_command_ = spec;
    last_word_ = words[0];
  }
  run(words, *spec);
  return true;
}

/// The checks before a command runs, in the order that clients rely on.
bool Session::refuse(std::span<const std::string_view> words, const CommandSpec* spec) {
  if (same_word(words[0], "quit")) {
    channel::resp::append_simple(reply(), "OK");
    finish();
    return true;
  }
  if (spec == nullptr) {
    channel::resp::append_error(reply(), fmt::format("ERR unknown command '{}'", words[0].substr(0, 128)));
    return true;
  }
  const auto count = static_cast<std::int64_t>(words.size());
  if (spec->arity > 0 ? count != spec->arity : count < -spec->arity) {
    channel::resp::append_error(reply(), fmt::format("ERR wrong number of arguments for '{}' command", spec->name));
    return true;
  }
  if (!authenticated && (spec->flags & kNoAuth) == 0) {
    channel::resp::append_error(reply(), "NOAUTH a password is needed: AUTH");
    return true;
  }
  return false;
}

void Session::run(std::span<const std::string_view> words, const CommandSpec& spec) {
  if (!node_.monitors.empty() && (spec.flags & kHidden) == 0) feed_monitors(node_, *this, words);
  Call call{node_, *this, spec, words};
  --turn_left_;
  spec.run(call);
  if (std::exchange(reply_open_, false)) replies_.fill(reply_slot_, output());
  account(words, spec);
}

/// The time since the last request ended is this one's: one look at the clock per request.
void Session::account(std::span<const std::string_view> words, const CommandSpec& spec) {
  const Clock::time_point now = Clock::now();
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now - request_started_).count();
  request_started_ = last_request_ = now;
  ++node_.stats.requests;
  CommandStat& stat = node_.stats.commands[static_cast<std::size_t>(&spec - commands().data())];
  ++stat.calls;
  stat.nanos += static_cast<std::uint64_t>(nanos);
  const std::int64_t micros = nanos / 1000;
  if (micros >= node_.settings.slower_than && node_.settings.slower_than >= 0 && (spec.flags & kHidden) == 0) {
    node_.slow_log.note(wall_millis() / 1000, micros, words, static_cast<std::size_t>(node_.settings.slow_entries));
  }
  const std::int64_t threshold = node_.settings.latency_threshold;
  if (threshold > 0 && micros / 1000 >= threshold) {
    node_.latency_log.note("command", wall_millis() / 1000, micros / 1000);
  }
}

// ---- replies ----------------------------------------------------------------------------------------

std::string& Session::output() {
  if (output_.capacity() < 64 && !node_.spare_outputs.empty()) {
    output_ = std::move(node_.spare_outputs.back());
    node_.spare_outputs.pop_back();
  }
  return output_;
}

std::string& Session::reply() {
  if (reply_silent_) {
    node_.discarded.clear();
    return node_.discarded;
  }
  if (replies_.empty()) return output();
  if (!reply_open_) {
    reply_slot_ = replies_.open(nullptr, 0, 0, false);
    reply_open_ = true;
  }
  return replies_.text(reply_slot_, output_);
}

Session::Slot Session::hold(Format format, std::uint32_t detail, Kind kind) {
  ++in_flight_;
  if (kind == Kind::add) ++adds_open_;
  if (kind == Kind::claim) ++claims_open_;
  return replies_.open(format, detail, static_cast<std::uint8_t>(kind), reply_silent_);
}

void Session::ask(job::Command command, Format format, std::uint32_t detail, Kind kind) {
  const Slot slot = hold(format, detail, kind);
  // Two words, trivially copied: std::function keeps them without allocating.
  node_.store.apply(std::move(command), [this, slot](Result<job::Answer> answer) { done(slot, std::move(answer)); });
}

void Session::ask_blocking(job::Claim claim, Format format, std::uint32_t detail) {
  claim.blocking = true;
  claim.ticket = node_.next_ticket++;
  const Slot slot = hold(format, detail, Kind::blocking);
  blocked_ticket_ = claim.ticket;
  blocked_slot_ = slot;
  node_.store.apply(std::move(claim), [this, slot](Result<job::Answer> answer) { done(slot, std::move(answer)); });
}

void Session::done(Slot slot, Result<job::Answer> answer) {
  ReplyQueue::Entry& entry = replies_.entry(slot);
  settle(static_cast<Kind>(entry.kind), answer);
  if (closed_) {
    if (answer) {
      if (const auto* claimed = std::get_if<job::Claimed>(&*answer)) give_back(*claimed);
    }
    return maybe_ended();
  }
  if (releases_leases && answer) {
    if (const auto* claimed = std::get_if<job::Claimed>(&*answer)) {
      for (const job::Delivery& job : claimed->jobs) node_.leases.taken(id_, job);
    }
  }
  std::string& text = replies_.text(slot, output());
  if (answer) {
    entry.format(text, *answer, node_.identity, entry.detail);
  } else {
    append_error(text, answer.error());
  }
  replies_.fill(slot, output_);
  changed();
}

/// What a filled slot changes beside its reply.
void Session::settle(Kind kind, const Result<job::Answer>& answer) {
  --in_flight_;
  switch (kind) {
    case Kind::plain:
      break;
    case Kind::add:
      --adds_open_;
      if (answer) {
        node_.store_troubled = false;
      } else if (answer.error().code() == Errc::resource_exhausted || answer.error().code() == Errc::internal) {
        node_.store_troubled = true;
      }
      break;
    case Kind::claim:
      --claims_open_;
      break;
    case Kind::blocking:
      blocked_ticket_ = 0;
      break;
  }
}

void Session::complete(Slot slot, std::string_view bytes) {
  settle(static_cast<Kind>(replies_.entry(slot).kind), job::Answer{});
  if (closed_) return maybe_ended();
  replies_.text(slot, output()).append(bytes);
  replies_.fill(slot, output_);
  changed();
}

void Session::push(std::string_view bytes) {
  if (closed_ || unsent() > output_limit()) return;
  if (replies_.empty()) {
    output().append(bytes);
  } else {
    const Slot slot = replies_.open(nullptr, 0, 0, false);
    replies_.text(slot, output()).append(bytes);
    replies_.fill(slot, output_);
  }
  changed();
}

/// Jobs that were served to a client which is gone: ready again, as if nobody had asked.
void Session::give_back(const job::Claimed& claimed) {
  std::vector<job::JobRef> jobs;
  for (const job::Delivery& job : claimed.jobs) jobs.push_back({job.id, job.token});
  release(std::move(jobs));
}

/// Not at once: the store may be in the middle of calling us.
void Session::release(std::vector<job::JobRef> jobs) {
  if (jobs.empty()) return;
  boost::asio::post(socket_.get_executor(), [&store = node_.store, jobs = std::move(jobs)] {
    store.apply(job::Release{jobs}, [](const Result<job::Answer>&) {});
  });
}

void Session::unblock(bool leaving) {
  if (blocked_ticket_ == 0) return;
  if (leaving) replies_.entry(blocked_slot_).detail |= kLeavingWhenNone;
  node_.store.apply(job::CancelClaim{blocked_ticket_}, [](const Result<job::Answer>&) {});
}

void Session::changed() {
  if (!in_turn_) node_.host.later(*this);
}

}  // namespace coworker::net::resp
