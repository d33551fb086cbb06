#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "coworker/channel_worker.h"
#include "worker/message.h"

namespace coworker::worker {

/// Where what a worker says to one master leaves.
class Outlet {
 public:
  virtual ~Outlet() = default;

  /// False: the master is gone.
  virtual bool put(const Said& said) = 0;
  virtual void close() {}
  /// Takes in what may have arrived meanwhile: a cancellation, say.
  virtual void look() {}

  Peer peer;
  Dialect dialect = Dialect::none;
};

/// What the copies of a message share. A request whose last copy goes without an answer is answered with a fault.
struct MessageState {
  MessageState(std::weak_ptr<Outlet> to, std::optional<std::uint64_t> request) : outlet{std::move(to)}, id{request} {}
  ~MessageState();
  MessageState(const MessageState&) = delete;
  MessageState& operator=(const MessageState&) = delete;

  std::weak_ptr<Outlet> outlet;
  std::optional<std::uint64_t> id;
  bool is_answered = false;
  bool is_cancelled = false;
};

/// Codes of the faults that we say ourselves.
inline constexpr const char* kNoReply = "no_reply";
inline constexpr const char* kCancelled = "cancelled";
inline constexpr const char* kHandler = "exception";
inline constexpr const char* kNoStatus = "no_status";
inline constexpr const char* kGarbage = "garbage";
inline constexpr const char* kTooLarge = "too_large";
inline constexpr const char* kDenied = "denied";
inline constexpr const char* kStart = "start";

/// The caller does not want its answer: it gets the fault `cancelled` at once, and no other.
void cancel(MessageState& state);

/// The text of the exception that is being handled.
std::string exception_text();

}  // namespace coworker::worker
