#include "worker/master_line.h"

#include <algorithm>

#include "job/json_text.h"
#include "worker/raw_channel.h"

namespace coworker::worker {
namespace {

Failure failure_of(const FaultMessage& fault) {
  const Trouble trouble = fault.code == kDenied ? Trouble::denied : Trouble::fault;
  return {trouble, "the worker says: " + fault.text, fault.code};
}

}  // namespace

MasterLine::MasterLine(Fd in, Fd out, Kind kind, channel::JsonStream::Limits limits)
    : channel_{std::move(in), std::move(out), limits}, kind_{kind} {
  // The newline that is sent after each text is its last byte.
  constexpr std::string_view kText = kAnnouncement.substr(0, kAnnouncement.size() - 1);
  // One that fails is found again by whatever is sent next.
  if (kind == Kind::shared) static_cast<void>(channel_.send(kText, Deadline::min()));
}

Dialect MasterLine::dialect() const {
  if (hello_) return Dialect::full;
  // The first message may be the hello, or the fault that tells why there is none.
  if (is_first_ && kind_ != Kind::program) return Dialect::full;
  return kind_ == Kind::shared ? Dialect::shared : Dialect::none;
}

namespace {

Answer<> answer_of(const Result<bool>& sent) {
  if (!sent) return worker::failure_of(sent.error());
  if (!*sent) return Failure{Trouble::timed_out, "send: not in time"};
  return {};
}

/// What could not leave yet leaves later.
Answer<> begun(Answer<> sent) {
  return sent.trouble() == Trouble::timed_out ? Answer<>{} : sent;
}

}  // namespace

Answer<> MasterLine::put(std::string_view text, Deadline deadline) {
  return answer_of(channel_.send(text, deadline));
}

Answer<> MasterLine::flush(Deadline deadline) {
  if (!has_unsent()) return {};
  const Answer<> left = answer_of(channel_.flush(deadline));
  // What was read meanwhile may be what somebody else waits for.
  while (take(Deadline::min())) {
  }
  return left;
}

/// Whether it may be sent as a message.
Answer<> MasterLine::check(std::string_view json) const {
  if (const auto checked = job::check_json(json); !checked) {
    return Failure{Trouble::invalid, "send: " + checked.error().message()};
  }
  // Once the worker has announced itself a message may travel as any request does, so all shapes are possible.
  const Dialect known = kind_ == Kind::program ? Dialect::none : kind_ == Kind::own ? Dialect::full : Dialect::shared;
  if (is_ambiguous(json, known)) {
    return Failure{Trouble::invalid, "send: the message has the shape of one of the channel's own; use a call"};
  }
  return {};
}

Answer<> MasterLine::send(std::string_view json, Deadline deadline) {
  if (const Answer<> checked = check(json); !checked) return checked;
  return put(json, deadline);
}

std::uint64_t MasterLine::watch(std::function<void()> changed) {
  watchers_[++last_watcher_] = std::move(changed);
  return last_watcher_;
}

Answer<> MasterLine::take(Deadline deadline) {
  const Result<std::optional<std::string_view>> text = channel_.receive(deadline);
  if (!text) return worker::failure_of(text.error());
  if (!*text) return Failure{Trouble::timed_out, "receive: nothing in time"};
  Result<Said> said = parse_message(**text, dialect());
  if (!said) return Failure{Trouble::garbage, "receive: " + said.error().message()};
  hear(std::move(*said));
  is_first_ = false;
  for (const auto& [id, changed] : watchers_) changed();
  return {};
}

void MasterLine::hear(Said said) {
  if (auto* message = std::get_if<ApplicationMessage>(&said)) {
    messages_.emplace_back(std::move(message->body));
  } else if (auto* reply = std::get_if<ReplyMessage>(&said)) {
    if (const auto call = calls_.find(reply->id); call != calls_.end()) call->second.answer = std::move(reply->body);
  } else if (auto* progress = std::get_if<ProgressMessage>(&said)) {
    const auto call = calls_.find(progress->id);
    if (call != calls_.end()) call->second.progress.push_back(std::move(progress->body));
  } else if (auto* status = std::get_if<StatusMessage>(&said)) {
    // One that nobody waits for any more is dropped, so that the next query gets its own.
    if (queries_.empty()) return;
    if (queries_.front()) statuses_.emplace_back(std::move(status->status));
    queries_.pop_front();
  } else if (auto* hello = std::get_if<HelloMessage>(&said)) {
    hello_ = std::move(*hello);
  } else if (std::holds_alternative<StoppingMessage>(said)) {
    stopping_ = true;
  } else if (const auto* fault = std::get_if<FaultMessage>(&said)) {
    const auto call = fault->id ? calls_.find(*fault->id) : calls_.end();
    if (call != calls_.end()) {
      call->second.answer = failure_of(*fault);
    } else if (fault->code == kNoStatus && !queries_.empty()) {
      if (queries_.front()) statuses_.emplace_back(failure_of(*fault));
      queries_.pop_front();
    } else if (fault->code == kDenied && is_stop_sent_) {
      stopping_ = failure_of(*fault);
    } else if (!fault->id) {
      messages_.emplace_back(failure_of(*fault));
    }
  }
}

bool MasterLine::has_message() {
  while (messages_.empty()) {
    if (const Answer<> taken = take(Deadline::min()); !taken) return taken.trouble() != Trouble::timed_out;
  }
  return true;
}

Answer<std::string> MasterLine::receive(Deadline deadline) {
  while (messages_.empty()) {
    if (const Answer<> taken = take(deadline); !taken) return taken.failure();
  }
  Answer<std::string> message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

// ---- calls --------------------------------------------------------------------------------------

Answer<std::uint64_t> MasterLine::start_call(std::string_view json, Deadline deadline) {
  if (const auto checked = job::check_json(json); !checked) {
    return Failure{Trouble::invalid, "call: " + checked.error().message()};
  }
  if (const Answer<HelloMessage> hello = wait_for_hello(deadline); !hello) return hello.failure();
  const std::uint64_t id = ++last_id_;
  calls_[id];
  const Answer<> sent = put(to_json(RequestMessage{id, std::string{json}}), deadline);
  if (sent) return id;
  // One that did not leave in time leaves with the next, and is then nobody's.
  calls_.erase(id);
  return sent.failure();
}

Answer<std::uint64_t> MasterLine::begin_call(std::string_view json) {
  if (const auto checked = job::check_json(json); !checked) {
    return Failure{Trouble::invalid, "call: " + checked.error().message()};
  }
  if (const Answer<HelloMessage> hello = wait_for_hello(Deadline::min()); !hello) return hello.failure();
  const std::uint64_t id = ++last_id_;
  calls_[id];
  const Answer<> sent = begun(put(to_json(RequestMessage{id, std::string{json}}), Deadline::min()));
  if (sent) return id;
  calls_.erase(id);
  return sent.failure();
}

Answer<std::string> MasterLine::finish_call(std::uint64_t id, Deadline deadline,
                                            const std::function<void(const std::string&)>& on_progress) {
  for (;;) {
    const auto call = calls_.find(id);
    if (call == calls_.end()) return Failure{Trouble::invalid, "there is no such call"};
    while (!call->second.progress.empty()) {
      const std::string progress = std::move(call->second.progress.front());
      call->second.progress.pop_front();
      if (on_progress) on_progress(progress);
    }
    if (call->second.answer) {
      Answer<std::string> answer = std::move(*call->second.answer);
      calls_.erase(call);
      return answer;
    }
    if (const Answer<> taken = take(deadline); !taken) {
      if (taken.trouble() != Trouble::timed_out) calls_.erase(id);
      // The last thing that was said may be why it was closed.
      const bool is_told = taken.trouble() == Trouble::closed && !messages_.empty() && !messages_.back();
      return is_told ? messages_.back().failure() : taken.failure();
    }
  }
}

Answer<> MasterLine::cancel(std::uint64_t id) {
  if (!calls_.contains(id)) return Failure{Trouble::invalid, "there is no such call"};
  return put(to_json(CancelMessage{id}), Deadline::max());
}

void MasterLine::drop_call(std::uint64_t id) {
  if (calls_.erase(id) == 0) return;
  // One that fails is found again by whatever is sent next.
  static_cast<void>(put(to_json(CancelMessage{id}), Deadline::min()));
}

// ---- shared workers -----------------------------------------------------------------------------

Answer<> MasterLine::begin_query(const std::optional<std::string>& cookie) {
  const Answer<> sent = begun(put(to_json(QueryMessage{cookie}), Deadline::min()));
  if (sent) queries_.push_back(true);
  return sent;
}

Answer<Status> MasterLine::end_query(Deadline deadline) {
  while (statuses_.empty()) {
    if (const Answer<> taken = take(deadline); !taken) return taken.failure();
  }
  Answer<Status> status = std::move(statuses_.front());
  statuses_.pop_front();
  return status;
}

void MasterLine::forget_query() {
  const auto wanted = std::find(queries_.rbegin(), queries_.rend(), true);
  if (wanted != queries_.rend()) *wanted = false;
}

Answer<Status> MasterLine::query(const std::optional<std::string>& cookie, Deadline deadline) {
  if (const Answer<> sent = begin_query(cookie); !sent) return sent.failure();
  Answer<> left = flush(deadline);
  Answer<Status> status = left ? end_query(deadline) : Answer<Status>{left.failure()};
  if (status.trouble() == Trouble::timed_out) forget_query();
  return status;
}

Answer<> MasterLine::begin_stop(const std::string& cookie) {
  is_stop_sent_ = true;
  stopping_.reset();
  return begun(put(to_json(StopMessage{cookie}), Deadline::min()));
}

Answer<bool> MasterLine::end_stop(Deadline deadline) {
  while (!stopping_) {
    const Answer<> taken = take(deadline);
    if (taken) continue;
    if (taken.trouble() == Trouble::closed) return true;
    return taken.failure();
  }
  return *stopping_;
}

Answer<bool> MasterLine::stop(const std::string& cookie, Deadline deadline) {
  if (const Answer<> sent = begin_stop(cookie); !sent) return sent.failure();
  if (const Answer<> left = flush(deadline); !left) return left.failure();
  Answer<bool> stopped = end_stop(deadline);
  if (stopped.trouble() == Trouble::timed_out && !hello_) return false;
  return stopped;
}

Answer<> MasterLine::wait_for_end(Deadline deadline) {
  for (;;) {
    const Answer<> taken = take(deadline);
    if (taken) continue;
    if (taken.trouble() == Trouble::closed) return {};
    return taken.failure();
  }
}

Answer<HelloMessage> MasterLine::wait_for_hello(Deadline deadline) {
  if (kind_ == Kind::program) return Failure{Trouble::invalid, "call: this worker knows no requests; send and receive"};
  while (!hello_) {
    if (!is_first_) return Failure{Trouble::invalid, "call: this worker knows no requests; send and receive"};
    if (const Answer<> taken = take(deadline); !taken) return taken.failure();
    if (!hello_ && !messages_.empty() && !messages_.front()) {
      const Failure failure = messages_.front().failure();
      messages_.pop_front();
      return failure;
    }
  }
  return *hello_;
}

}  // namespace coworker::worker

namespace coworker {

using worker::deadline_in;

Master::Master() = default;
Master::~Master() = default;
Master::Master(Master&&) noexcept = default;
Master& Master::operator=(Master&&) noexcept = default;

Answer<> Master::send(std::string_view json, std::chrono::milliseconds timeout) {
  return line_->send(json, deadline_in(timeout));
}

Answer<std::string> Master::receive(std::chrono::milliseconds timeout) {
  return line_->receive(deadline_in(timeout));
}

Answer<std::string> Master::call(std::string_view json, std::chrono::milliseconds timeout) {
  const auto deadline = deadline_in(timeout);
  const Answer<std::uint64_t> id = line_->start_call(json, deadline);
  if (!id) return id.failure();
  return line_->finish_call(*id, deadline, {});
}

Answer<std::uint64_t> Master::start_call(std::string_view json, std::chrono::milliseconds timeout) {
  return line_->start_call(json, deadline_in(timeout));
}

Answer<std::string> Master::finish_call(std::uint64_t id, std::chrono::milliseconds timeout,
                                        const std::function<void(const std::string&)>& on_progress) {
  return line_->finish_call(id, deadline_in(timeout), on_progress);
}

Answer<> Master::cancel(std::uint64_t id) {
  return line_->cancel(id);
}

std::size_t Master::waiting() const {
  return line_->waiting();
}

int Master::native_handle() const {
  return line_->native_handle();
}

}  // namespace coworker
