#pragma once

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "async/event.h"
#include "async/loop.h"
#include "base/fd.h"
#include "base/time.h"
#include "channel/tls/session.h"

namespace coworker::channel::tls {

/// One connection of a Relay: an encrypted socket and, once hands are shaken, the plain one that its owner has the
/// other end of. What comes is read no faster than the owner takes it, and the other way round.
///
/// Lives on the relay's thread; what runs holds a shared_ptr.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(async::Loop& loop, Fd socket, std::shared_ptr<const Context> context, const std::string& host);

  /// unavailable or denied: why there is no connection.
  async::Task<Result<>> shake_hands();
  /// Makes the pair of plain sockets and gives the owner's.
  Result<Fd> open();
  /// Each ends by itself, and helps the others to end.
  async::Task<> carry_in();
  async::Task<> carry_out();
  async::Task<> watch_owner();

  /// What was written until now still leaves, for `limit` at most.
  void end_within(Millis limit);

  const std::string& address() const noexcept { return address_; }
  std::string subject() const { return session_.subject(); }

 private:
  using Stream = boost::asio::posix::stream_descriptor;

  async::Task<bool> ready(Session::Step step);
  async::Task<bool> give(std::string_view bytes);
  async::Task<bool> encrypt(std::string_view bytes);
  void wake();
  void give_up();
  void limit(Millis limit);

  Fd socket_;
  Session session_;
  std::string address_;
  Stream far_;
  Stream near_;
  boost::asio::steady_timer limit_;
  bool is_over_ = false;                // nothing is waited for any more
  bool is_ending_ = false;              // nothing more is expected from the owner
  bool is_abandoned_ = false;           // the owner reads no more
  bool has_ended_[2] = {false, false};  // what comes, what leaves
  std::array<char, 16 * 1024> in_;
  std::array<char, 16 * 1024> out_;
};

}  // namespace coworker::channel::tls
