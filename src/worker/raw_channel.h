#pragma once

#include <deque>
#include <memory>

#include "channel/json_channel.h"
#include "worker/open_requests.h"
#include "worker/outlet.h"

namespace coworker::worker {

/// A raw worker's end of its channel.
class RawChannel : public Outlet, public std::enable_shared_from_this<RawChannel> {
 public:
  /// `is_announced`: the master did, in another way than on the channel.
  RawChannel(Fd in, Fd out, channel::JsonStream::Limits limits, bool is_announced);

  Answer<Message> receive(std::chrono::milliseconds timeout);
  Answer<> send(std::string_view json, std::chrono::milliseconds timeout);
  int native_handle() const { return channel_.native_handle(); }

  bool put(const Said& said) override;
  void look() override;

 private:
  using Deadline = channel::JsonChannel::Deadline;

  /// True: one more was taken in. False: there is none at the deadline.
  Answer<bool> take(Deadline deadline);
  void hear(Said said);
  void greet();

  channel::JsonChannel channel_;
  std::deque<std::pair<std::string, std::shared_ptr<MessageState>>> waiting_;
  OpenRequests requests_;
};

/// The failure that a channel's error is.
Failure failure_of(const Error& error);

/// kForever is no deadline.
channel::JsonChannel::Deadline deadline_in(std::chrono::milliseconds timeout);

HelloMessage own_hello();

}  // namespace coworker::worker
