#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "channel/resp/request_decoder.h"
#include "job/command.h"
#include "net/listener.h"
#include "net/resp/reply_queue.h"

namespace coworker::net::resp {

struct Node;
struct CommandSpec;

/// One client: its socket, what it sent, and the replies it is owed.
///
/// Reads what is there, decodes it and hands it to the store at once; nothing waits for a commit per
/// request. It stops executing (and soon reading) while a claim of it waits, while too many replies are
/// open or unsent, and while the server pauses; nothing is dropped.
///
/// Lives on the loop's thread, owned by the server. `close` may be called at any time; it may be destroyed
/// only once it was handed to Host::ended, because the loop and the store still call it until then.
class Session {
 public:
  using Clock = std::chrono::steady_clock;
  using Slot = ReplyQueue::Slot;

  enum class Kind : std::uint8_t { plain, add, claim, blocking };
  enum class Silence : std::uint8_t { off, next, on };  // CLIENT REPLY ON, SKIP, OFF

  Session(boost::asio::any_io_executor executor, Node& node, std::uint64_t id, Fd socket, Peer peer);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();

  /// Executes what waits, sends what is ready, reads on. Called by the host, after `later`.
  void turn();

  /// Drops the connection. Blocked claims are cancelled; what they were served is given back.
  void close();

  /// Executes nothing more and closes once the replies that are owed have been sent.
  void finish();

  /// Ends a blocked claim: with no jobs, or with LEAVING.
  void unblock(bool leaving);

  /// Once a second: closes a client that is idle, gone or does not fetch its replies.
  void watch(Clock::time_point now);

  // ---- for commands: see Call -----------------------------------------------------------------------

  std::string& reply();
  Slot hold(Format format, std::uint32_t detail, Kind kind);
  void ask(job::Command command, Format format, std::uint32_t detail, Kind kind);
  void ask_blocking(job::Claim claim, Format format, std::uint32_t detail);

  /// Fills a held slot: with an answer, or with bytes of the protocol.
  void done(Slot slot, Result<job::Answer> answer);
  void complete(Slot slot, std::string_view bytes);

  /// The reply to the request being carried out is sent, also when replies are off.
  void speak() noexcept { reply_silent_ = false; }

  /// A line that no request asked for (MONITOR).
  void push(std::string_view bytes);

  std::uint64_t id() const noexcept { return id_; }
  const Peer& peer() const noexcept { return peer_; }
  bool closed() const noexcept { return closed_; }
  bool blocked() const noexcept { return blocked_ticket_ != 0; }
  /// What ends the claim that waits.
  job::CancelClaim cancellation() const noexcept { return {blocked_ticket_}; }
  std::size_t unsent() const noexcept { return output_.size() - sent_; }
  std::size_t unread() const noexcept { return pending_ ? pending_->bytes.size() : 0; }
  std::size_t open_replies() const noexcept { return replies_.size(); }
  Clock::time_point connected() const noexcept { return connected_; }
  Clock::time_point last_request() const noexcept { return last_request_; }
  const CommandSpec* last_command() const noexcept { return last_command_; }
  int descriptor() { return socket_.native_handle(); }

  std::string name;  // CLIENT SETNAME
  bool authenticated = false;
  bool monitor = false;
  bool releases_leases = false;  // CW.HELLO RELEASE on
  Silence silence = Silence::off;

 private:
  /// A request that has not arrived whole, or may not be executed yet.
  struct Pending {
    std::string bytes;
    channel::resp::RequestDecoder decoder;
    std::size_t charged = 0;  // of Node::buffered_requests
  };

  // session.cc: executing
  bool may_execute() const;
  std::size_t execute(std::string_view input, channel::resp::RequestDecoder& decoder);
  bool dispatch(std::span<const std::string_view> words);
  bool refuse(std::span<const std::string_view> words, const CommandSpec* spec);
  void run(std::span<const std::string_view> words, const CommandSpec& spec);
  void account(std::span<const std::string_view> words, const CommandSpec& spec);
  void give_back(const job::Claimed& claimed);
  void release(std::vector<job::JobRef> jobs);
  void settle(Kind kind, const Result<job::Answer>& answer);
  void changed();
  std::string& output();

  // session_io.cc: the socket
  void readable();
  void take(std::string_view bytes);
  void execute_pending();
  bool charge();
  void send();
  void written();
  void arm();
  void end_of_input();
  void close_when_sent();
  void maybe_ended();
  std::size_t output_limit() const;

  Node& node_;
  std::uint64_t id_;
  Peer peer_;
  boost::asio::posix::stream_descriptor socket_;
  std::unique_ptr<Pending> pending_;
  ReplyQueue replies_;
  std::string output_;
  std::size_t sent_ = 0;  // of output_
  std::uint64_t blocked_ticket_ = 0;
  Slot blocked_slot_ = 0;
  Slot reply_slot_ = 0;
  std::uint32_t in_flight_ = 0;  // slots that the store or a timer will fill
  std::uint32_t adds_open_ = 0;
  std::uint32_t claims_open_ = 0;
  std::uint32_t turn_left_ = 0;
  bool reply_open_ = false;
  bool reply_silent_ = false;
  bool reading_ = false;  // a wait of the loop is under way
  bool writing_ = false;
  bool in_turn_ = false;
  bool again_ = false;  // requests are left that another turn can execute
  bool ended_input_ = false;
  bool finishing_ = false;
  bool closed_ = false;
  Clock::time_point connected_;
  Clock::time_point last_request_;
  Clock::time_point over_soft_since_{};
  Clock::time_point request_started_{};
  const CommandSpec* last_command_ = nullptr;
  std::string last_word_;  // as it was written: a pipeline says the same again and again

  friend class Server;      // which keeps its own marks here
  bool scheduled_ = false;  // it will have a turn
  bool ended_ = false;      // it is to be destroyed
};

}  // namespace coworker::net::resp
