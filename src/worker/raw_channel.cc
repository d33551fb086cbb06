#include "worker/raw_channel.h"

#include <unistd.h>

#include "base/build.h"
#include "job/json_text.h"

namespace coworker::worker {

Failure failure_of(const Error& error) {
  switch (error.code()) {
    case Errc::unavailable:
      return {Trouble::closed, error.message()};
    case Errc::invalid_argument:
      return {Trouble::garbage, error.message()};
    case Errc::resource_exhausted:
      return {Trouble::too_large, error.message()};
    default:
      return {Trouble::failed, error.message()};
  }
}

channel::JsonChannel::Deadline deadline_in(std::chrono::milliseconds timeout) {
  using Deadline = channel::JsonChannel::Deadline;
  constexpr std::chrono::hours kLong{24 * 36'500};  // more would not fit into a point of time
  return timeout >= kLong ? Deadline::max() : Deadline::clock::now() + timeout;
}

HelloMessage own_hello() {
  return HelloMessage{1, std::string{build_id()}, ::getpid()};
}

RawChannel::RawChannel(Fd in, Fd out, channel::JsonStream::Limits limits, bool is_announced)
    : channel_{std::move(in), std::move(out), limits} {
  if (is_announced) greet();
}

void RawChannel::greet() {
  dialect = Dialect::full;
  put(own_hello());
}

bool RawChannel::put(const Said& said) {
  const Result<bool> sent = channel_.send(to_json(said), Deadline::max());
  return sent && *sent;
}

void RawChannel::look() {
  while (const Answer<bool> taken = take(Deadline::min())) {
    if (!*taken) return;
  }
}

Answer<bool> RawChannel::take(Deadline deadline) {
  const Result<std::optional<std::string_view>> text = channel_.receive(deadline);
  if (!text) {
    if (text.error().code() == Errc::invalid_argument) {
      put(FaultMessage{std::nullopt, kGarbage, text.error().message()});
    }
    return failure_of(text.error());
  }
  if (!*text) return false;
  if (dialect == Dialect::none && channel_.head() == kAnnouncement) greet();
  Result<Said> said = parse_message(**text, dialect);
  if (said) {
    hear(std::move(*said));
  } else {
    put(FaultMessage{std::nullopt, kGarbage, said.error().message()});
  }
  return true;
}

void RawChannel::hear(Said said) {
  if (auto* request = std::get_if<RequestMessage>(&said)) {
    waiting_.emplace_back(std::move(request->body), requests_.open(weak_from_this(), request->id));
  } else if (const auto* cancelled = std::get_if<CancelMessage>(&said)) {
    requests_.cancel(cancelled->id);
    std::erase_if(waiting_, [](const auto& each) { return each.second->is_cancelled; });
  } else if (auto* message = std::get_if<ApplicationMessage>(&said)) {
    waiting_.emplace_back(std::move(message->body), std::make_shared<MessageState>(weak_from_this(), std::nullopt));
  }
}

Answer<Message> RawChannel::receive(std::chrono::milliseconds timeout) {
  const Deadline deadline = deadline_in(timeout);
  while (waiting_.empty()) {
    const Answer<bool> taken = take(deadline);
    if (!taken) return taken.failure();
    if (!*taken) return Failure{Trouble::timed_out, "receive: no message in time"};
  }
  Message message{std::move(waiting_.front().first), std::move(waiting_.front().second)};
  waiting_.pop_front();
  return message;
}

Answer<> RawChannel::send(std::string_view json, std::chrono::milliseconds timeout) {
  if (const auto checked = job::check_json(json); !checked) {
    return Failure{Trouble::invalid, "send: " + checked.error().message()};
  }
  const Result<bool> sent = channel_.send(json, deadline_in(timeout));
  if (!sent) return failure_of(sent.error());
  if (!*sent) return Failure{Trouble::timed_out, "send: not in time"};
  return {};
}

}  // namespace coworker::worker

namespace coworker {

Channel::Channel(std::shared_ptr<worker::RawChannel> channel) : channel_{std::move(channel)} {}

Answer<Message> Channel::receive(std::chrono::milliseconds timeout) {
  return channel_->receive(timeout);
}

Answer<> Channel::send(std::string_view json, std::chrono::milliseconds timeout) {
  return channel_->send(json, timeout);
}

int Channel::native_handle() const {
  return channel_->native_handle();
}

}  // namespace coworker
