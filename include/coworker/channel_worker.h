#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "coworker/answer.h"
#include "coworker/status.h"

/// Workers that other processes talk to. Messages are JSON texts; register the classes with App::raw and App::evented.
namespace coworker {

namespace worker {
class Outlet;
struct MessageState;
struct LoopState;
class RawChannel;
}  // namespace worker

/// Places in the start of a worker's process where App::at calls hooks.
enum class Stage {
  start,                // before anything else
  before_construction,  // the profile's libraries are loaded
  after_construction,
};

/// Who is at the other end.
struct Peer {
  std::string address{};  // "127.0.0.1:4711"; empty for pipes and unix sockets
  std::optional<long> pid{};
  std::optional<unsigned> user{};
  std::optional<unsigned> group{};
  std::string certificate{};  // with TLS: of whom, "/CN=master"; empty: it showed none
};

/// One message of a master. Copies are the same message.
class Message {
 public:
  Message(std::string body, std::shared_ptr<worker::MessageState> state);

  /// JSON text.
  const std::string& body() const noexcept { return body_; }
  /// Answers it, also later than its handler has returned: a request with the reply that its caller waits for, any
  /// other message with a message. False: the master is gone, the request was answered or cancelled, or it is no JSON.
  bool reply(std::string_view json) const;
  /// Tells the caller of a request that it is not done yet; no effect for other messages.
  bool progress(std::string_view json) const;
  /// Answers with a fault.
  bool fail(std::string_view code, std::string_view text) const;
  /// Whether the caller of a request does not want its answer any more.
  bool is_cancelled() const;

 private:
  std::string body_;
  std::shared_ptr<worker::MessageState> state_;
};

/// A connected master.
class Connection {
 public:
  explicit Connection(std::shared_ptr<worker::Outlet> outlet);

  /// False: it is gone, or the text is no JSON. What the master does not read yet is kept in memory; while that is
  /// much, nothing more is read from this master.
  bool send(std::string_view json) const;
  /// Closes it when all that was sent has left.
  void close() const;
  const Peer& peer() const;
  /// Of no other master that is connected to this worker.
  std::uintptr_t id() const noexcept { return reinterpret_cast<std::uintptr_t>(outlet_.get()); }
  friend bool operator==(const Connection&, const Connection&) = default;

 private:
  std::shared_ptr<worker::Outlet> outlet_;
};

/// What an evented worker waits for beside messages. It ends when nothing is registered and no master is connected.
/// Boost.Asio's own loop is behind it: see coworker/asio.h.
class Loop {
 public:
  using Id = std::uint64_t;

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Id after(std::chrono::milliseconds delay, std::function<void()> call);
  Id every(std::chrono::milliseconds period, std::function<void()> call);
  /// Called whenever `fd` is readable; the descriptor stays the caller's and must be open until `cancel`.
  Id when_readable(int fd, std::function<void()> call);
  void cancel(Id id);
  /// Ends the worker, connected masters or not.
  void stop();
  /// A shared worker listens no more and its socket is removed; it ends when its masters have left.
  void stop_listening();

  worker::LoopState& state() { return *state_; }

 private:
  std::unique_ptr<worker::LoopState> state_;
};

/// The other end of a raw worker: its only master.
class Channel {
 public:
  explicit Channel(std::shared_ptr<worker::RawChannel> channel);

  /// The next message; `closed` when the master is gone: return then.
  Answer<Message> receive(std::chrono::milliseconds timeout = kForever);
  Answer<> send(std::string_view json, std::chrono::milliseconds timeout = kForever);
  /// Readable when there may be something to receive.
  int native_handle() const;

 private:
  std::shared_ptr<worker::RawChannel> channel_;
};

/// A worker that asks for its messages.
class RawWorker {
 public:
  virtual ~RawWorker() = default;
  /// Called once; the process ends when it returns. What it throws is told to the master as a fault.
  virtual void run(Channel& channel) = 0;
};

/// A worker that is called. All calls are on one thread, in this order: set_loop, initialize, then for each master
/// on_connect, on_message …, on_disconnect; terminate when the loop has ended. What on_message throws is told to its
/// sender as a fault; a master that speaks no faults is disconnected.
class EventedWorker {
 public:
  virtual ~EventedWorker() = default;
  virtual void set_loop(Loop&) {}
  virtual void initialize() {}
  virtual void on_connect(Connection&) {}
  virtual void on_message(Message& message, Connection& connection) = 0;
  virtual void on_disconnect(Connection&) {}
  virtual void terminate() {}

  /// Of shared workers. `is_privileged`: with the right cookie.
  virtual Status on_query(bool is_privileged) {
    static_cast<void>(is_privileged);
    return {};
  }
  /// Of shared workers, when somebody with the cookie, or a signal, stopped it; its socket is gone then. Release here
  /// what is registered with the loop.
  virtual void on_stop() {}
};

}  // namespace coworker
