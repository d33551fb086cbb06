#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "coworker/answer.h"

namespace coworker {

namespace worker {
class MasterLine;
}  // namespace worker

class Steps;

/// A master's end of a channel: what dedicated and shared workers have in common. Messages are JSON texts.
///
/// Thread safety: one thread at a time.
class Master {
 public:
  Answer<> send(std::string_view json, std::chrono::milliseconds timeout = kForever);
  /// The next message that is no answer to a call. A fault that belongs to none is a failure here.
  Answer<std::string> receive(std::chrono::milliseconds timeout = kForever);

  /// Sends a request and waits for its own answer, whatever else comes meanwhile. Workers of other programs may not
  /// know requests: use send and receive with them.
  Answer<std::string> call(std::string_view json, std::chrono::milliseconds timeout = kForever);
  /// The same in two steps, so that many can be under way.
  Answer<std::uint64_t> start_call(std::string_view json, std::chrono::milliseconds timeout = kForever);
  Answer<std::string> finish_call(std::uint64_t id, std::chrono::milliseconds timeout = kForever,
                                  const std::function<void(const std::string&)>& on_progress = {});
  /// The answer is not wanted any more; finish_call tells what became of it.
  Answer<> cancel(std::uint64_t id);

  /// Messages that came while something else was waited for; receive gives them first.
  std::size_t waiting() const;
  /// Readable when there may be something to receive, and nothing is waiting.
  int native_handle() const;

 protected:
  friend class Steps;

  Master();
  ~Master();
  Master(Master&&) noexcept;
  Master& operator=(Master&&) noexcept;

  std::unique_ptr<worker::MasterLine> line_;
};

}  // namespace coworker
