#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/resp/node.h"
#include "net/resp/session.h"

namespace coworker::net::resp {
namespace {

using boost::system::error_code;
using Descriptor = boost::asio::posix::stream_descriptor;

constexpr std::size_t kKeptOutput = 1024;         // of an idle connection
constexpr std::size_t kSpareOutput = 512 * 1024;  // larger ones are freed
constexpr std::size_t kSpareOutputs = 16;
constexpr std::size_t kMonitorOutput = 32 * 1024 * 1024;

}  // namespace

void Session::start() {
  arm();
}

/// Asks the loop to say when there is something to read, unless there is enough already.
void Session::arm() {
  if (closed_ || reading_ || ended_input_ || finishing_) return;
  if (pending_ && pending_->bytes.size() >= node_.limits.read_ahead) {
    // Only a request that is incomplete gets more; one that may not run yet must wait with its bytes.
    if (again_ || blocked_ticket_ != 0 || node_.paused || !replies_.empty()) return;
  }
  reading_ = true;
  socket_.async_wait(Descriptor::wait_read, [this](error_code error) {
    reading_ = false;
    if (closed_) return maybe_ended();
    if (error) return close();
    readable();
  });
}

void Session::readable() {
  const ssize_t size = ::recv(socket_.native_handle(), node_.input.data(), node_.input.size(), MSG_DONTWAIT);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return arm();
    return close();
  }
  if (size == 0) return end_of_input();
  node_.stats.bytes_in += static_cast<std::uint64_t>(size);
  in_turn_ = true;
  turn_left_ = node_.limits.requests_per_turn;
  request_started_ = Clock::now();
  take({node_.input.data(), static_cast<std::size_t>(size)});
  in_turn_ = false;
  send();
}

/// Executes what has been read; keeps what is left.
void Session::take(std::string_view bytes) {
  if (pending_) {
    std::string& held = pending_->bytes;
    const std::size_t needed = held.size() + bytes.size();
    if (needed > held.capacity()) {
      // Doubling, but not beyond what a large word is known to need.
      held.reserve(std::max(needed, std::min(held.capacity() * 2, held.size() + pending_->decoder.missing())));
    }
    held.append(bytes);
    return execute_pending();
  }
  const std::size_t consumed = execute(bytes, node_.decoder);
  if (closed_ || finishing_) {
    node_.decoder = channel::resp::RequestDecoder{};
    return;
  }
  if (consumed == bytes.size()) return;
  pending_ = std::make_unique<Pending>();
  pending_->bytes.assign(bytes.substr(consumed));
  pending_->decoder = std::exchange(node_.decoder, channel::resp::RequestDecoder{});
  if (!charge()) close();
}

void Session::execute_pending() {
  const std::size_t consumed = execute(pending_->bytes, pending_->decoder);
  if (closed_ || finishing_ || consumed == pending_->bytes.size()) {
    node_.buffered_requests -= pending_->charged;
    pending_.reset();
    return;
  }
  pending_->bytes.erase(0, consumed);
  if (!charge()) close();
}

/// Counts the unfinished request against what all connections may hold; false: that is too much.
bool Session::charge() {
  const std::size_t held = pending_->bytes.capacity() + pending_->decoder.memory();
  const std::size_t due = held > node_.limits.free_of_charge ? held - node_.limits.free_of_charge : 0;
  node_.buffered_requests += due - pending_->charged;
  pending_->charged = due;
  return pending_->bytes.size() <= node_.limits.request && node_.buffered_requests <= node_.limits.all_requests;
}

void Session::turn() {
  if (closed_) return;
  in_turn_ = true;
  turn_left_ = node_.limits.requests_per_turn;
  request_started_ = Clock::now();
  if (pending_) execute_pending();
  in_turn_ = false;
  send();
}

/// Sends what may leave, then sees what is next: more requests, more input, or the end.
void Session::send() {
  if (closed_) return maybe_ended();
  if (writing_) return;
  while (sent_ < output_.size()) {
    const ssize_t size =
        ::send(socket_.native_handle(), output_.data() + sent_, output_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return close();
    if (size < 0) break;
    sent_ += static_cast<std::size_t>(size);
    over_soft_since_ = {};  // it fetches its replies, however slowly
    node_.stats.bytes_out += static_cast<std::uint64_t>(size);
  }
  if (sent_ < output_.size()) {
    if (unsent() > output_limit()) return close();
    writing_ = true;
    socket_.async_wait(Descriptor::wait_write, [this](error_code error) {
      writing_ = false;
      if (closed_) return maybe_ended();
      if (error) return close();
      turn();
    });
    if (sent_ >= output_.size() / 2) {
      output_.erase(0, sent_);
      sent_ = 0;
    }
    return arm();
  }
  written();
}

/// All that may leave has left.
void Session::written() {
  output_.clear();
  sent_ = 0;
  if (output_.capacity() > kKeptOutput) {
    if (output_.capacity() <= kSpareOutput && node_.spare_outputs.size() < kSpareOutputs) {
      node_.spare_outputs.push_back(std::move(output_));
    }
    output_ = std::string{};
  }
  close_when_sent();
  if (closed_) return;
  if (again_) node_.host.later(*this);
  arm();
}

/// The client will send no more. What it asked for is still carried out and sent, since it may have closed
/// one direction only; but nobody waits for a job there any more.
void Session::end_of_input() {
  ended_input_ = true;
  if (blocked_ticket_ != 0) return close();
  close_when_sent();
}

void Session::close_when_sent() {
  if (!ended_input_ && !finishing_) return;
  if (blocked_ticket_ != 0 && ended_input_) return close();
  if (!replies_.empty() || unsent() > 0) return;
  if (pending_ && !finishing_ && (node_.paused || again_)) return;  // there is more to execute
  close();
}

void Session::finish() {
  finishing_ = true;
  if (!in_turn_) node_.host.later(*this);
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  unblock(false);
  if (pending_) node_.buffered_requests -= pending_->charged;
  pending_.reset();
  output_ = std::string{};
  sent_ = 0;
  node_.sessions.erase(id_);
  if (monitor) std::erase(node_.monitors, this);
  if (releases_leases) release(node_.leases.release(id_));
  error_code ignored;
  socket_.close(ignored);
  maybe_ended();
}

void Session::maybe_ended() {
  if (closed_ && in_flight_ == 0 && !reading_ && !writing_ && !in_turn_) node_.host.ended(*this);
}

std::size_t Session::output_limit() const {
  return monitor ? kMonitorOutput : node_.settings.output.hard == 0 ? SIZE_MAX : node_.settings.output.hard;
}

void Session::watch(Clock::time_point now) {
  const Settings& settings = node_.settings;
  if (replies_.empty()) replies_.shrink();
  if (unsent() > output_limit()) return close();
  if (settings.idle_timeout > 0 && blocked_ticket_ == 0 && !monitor &&
      now - last_request_ > std::chrono::seconds{settings.idle_timeout}) {
    return close();
  }
  if (unsent() <= settings.output.soft || settings.output.soft == 0) {
    over_soft_since_ = {};
  } else if (over_soft_since_ == Clock::time_point{}) {
    over_soft_since_ = now;
  } else if (now - over_soft_since_ >= settings.output.soft_for) {
    return close();
  }
  if (!reading_) {
    // Nobody would notice that such a client has gone.
    pollfd state{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
    if (::poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0) return close();
    if ((state.revents & POLLRDHUP) != 0 && blocked_ticket_ != 0) return close();
  }
}

}  // namespace coworker::net::resp
