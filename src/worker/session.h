#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include "worker/open_requests.h"
#include "worker/server.h"

namespace coworker::worker {

/// One connected master of a Server. Owned by the server and by its own pending waits.
class Session : public Outlet, public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, Fd in, Fd out, bool is_shared);

  void start(bool is_announced);
  bool put(const Said& said) override;
  /// After what was said has left.
  void close() override;
  /// At once.
  void abort();

  bool is_stopper = false;  // asked for the stop, and is told its end by our end

 private:
  using Stream = boost::asio::posix::stream_descriptor;

  Stream& out() { return out_.is_open() ? out_ : in_; }
  void greet();
  void read();
  void take();
  bool hear_all(bool is_last);
  void hear(Said said);
  void refuse(const Error& error);
  void write();
  void end_if_written();

  Server& server_;
  Stream in_;
  Stream out_;
  channel::JsonStream stream_;
  std::string outgoing_;
  std::size_t sent_ = 0;
  OpenRequests requests_;
  bool is_writing_ = false;
  bool is_reading_ = false;
  bool is_hearing_ = false;
  bool has_more_ = false;  // the read was longer than a turn
  bool is_at_end_ = false;
  bool is_closing_ = false;
  bool is_over_ = false;
};

}  // namespace coworker::worker
