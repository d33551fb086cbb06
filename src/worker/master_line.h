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
  Answer<> flush(Deadline deadline);
  Answer<std::uint64_t> start_call(std::string_view json, Deadline deadline);
  Answer<std::string> finish_call(std::uint64_t id, Deadline deadline,
                                  const std::function<void(const std::string&)>& on_progress);
  Answer<> cancel(std::uint64_t id);
  /// Nobody waits for it any more; the worker is told.
  void drop_call(std::uint64_t id);
  Answer<Status> query(const std::optional<std::string>& cookie, Deadline deadline);
  Answer<bool> stop(const std::string& cookie, Deadline deadline);

  // The same in two steps. What was begun leaves as it can.
  Answer<std::uint64_t> begin_call(std::string_view json);
  Answer<> begin_query(const std::optional<std::string>& cookie);
  Answer<Status> end_query(Deadline deadline);
  /// Nobody waits for the answer of the last one that is not answered.
  void forget_query();
  Answer<> begin_stop(const std::string& cookie);
  Answer<bool> end_stop(Deadline deadline);
  Answer<> wait_for_end(Deadline deadline);
  Answer<HelloMessage> wait_for_hello(Deadline deadline);

  /// Whether receive would not wait for what is already here.
  bool has_message();
  std::size_t waiting() const { return messages_.size(); }
  int native_handle() const { return channel_.native_handle(); }
  int writable_handle() const { return channel_.writable_handle(); }
  bool has_unsent() const { return channel_.has_unsent(); }

  /// Called whenever something was taken in; by Steps::watch.
  std::uint64_t watch(std::function<void()> changed);
  void unwatch(std::uint64_t id) { watchers_.erase(id); }

 private:
  struct Call {
    std::deque<std::string> progress;
    std::optional<Answer<std::string>> answer;
  };

  Answer<> check(std::string_view json) const;
  Answer<> put(std::string_view text, Deadline deadline);
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
  std::deque<bool> queries_;  // sent and not answered: whether somebody waits for the answer
  std::map<std::uint64_t, Call> calls_;
  std::optional<Answer<bool>> stopping_;
  bool is_stop_sent_ = false;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::function<void()>> watchers_;
  std::uint64_t last_watcher_ = 0;
};

}  // namespace coworker::worker
