#pragma once

#include <deque>
#include <map>
#include <string>

#include "channel/json_channel.h"
#include "coworker/worker_factory.h"
#include "worker/message.h"

namespace coworker::worker {

/// A master's end: sorts what comes into messages, answers of calls, status and the rest.
class MasterLine {
 public:
  using Deadline = channel::JsonChannel::Deadline;
  enum class Kind : std::uint8_t { program, own, shared };

  /// `own`: a worker that will announce itself, being told to in another way; `shared`: announces itself to the worker.
  MasterLine(Fd in, Fd out, Kind kind, channel::JsonStream::Limits limits);

  Answer<> send(std::string_view json, Deadline deadline);
  Answer<std::string> receive(Deadline deadline);
  Answer<std::uint64_t> start_call(std::string_view json, Deadline deadline);
  Answer<std::string> finish_call(std::uint64_t id, Deadline deadline,
                                  const std::function<void(const std::string&)>& on_progress);
  Answer<> cancel(std::uint64_t id);
  Answer<Status> query(const std::optional<std::string>& cookie, Deadline deadline);
  Answer<bool> stop(const std::string& cookie, Deadline deadline);
  Answer<> wait_for_end(Deadline deadline);
  Answer<HelloMessage> wait_for_hello(Deadline deadline);

  /// Whether receive would not wait for what is already here.
  bool has_message();
  std::size_t waiting() const { return messages_.size(); }
  int native_handle() const { return channel_.native_handle(); }

 private:
  struct Call {
    std::deque<std::string> progress;
    std::optional<Answer<std::string>> answer;
  };

  Answer<> put(const std::string& text, Deadline deadline);
  /// Takes in one more message; a failure at the deadline too.
  Answer<> take(Deadline deadline);
  void hear(Said said);
  Dialect dialect() const;

  channel::JsonChannel channel_;
  Kind kind_;
  bool is_first_ = true;
  std::optional<HelloMessage> hello_;
  std::deque<Answer<std::string>> messages_;  // and faults that belong to no call
  std::deque<Answer<Status>> statuses_;
  std::size_t queries_ = 0;  // sent and not answered
  std::map<std::uint64_t, Call> calls_;
  std::optional<Answer<bool>> stopping_;
  bool is_stop_sent_ = false;
  std::uint64_t last_id_ = 0;
};

}  // namespace coworker::worker
