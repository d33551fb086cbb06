#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coworker/tls.h"

namespace coworker {

/// How a job is to be treated. What is not given has the defaults of coworker.
struct AddOptions {
  std::chrono::milliseconds delay{0};  // before it may run; shorter than its lifetime
  int priority = 0;                    // -128 (first) … 127
  std::string unique{};                // while a job of this key is in the queue, adding another answers that one's id
  std::string group{};                 // jobs of a group take turns with other groups
  std::string idempotency_key{};       // adding again with this key within the window answers the first one's id …
  std::chrono::seconds idempotency_window{86'400};  // … also when that job is done by now
  std::chrono::seconds lifetime{30 * 86'400};       // for all its attempts together
  std::chrono::seconds process_timeout{600};        // for one attempt; 0: no limit
  std::optional<std::chrono::seconds> retry{};      // a silent consumer is given up after this; 0: never run it again
  std::string metadata = "{}";                      // a JSON object of your own, handed to the worker
};

/// Why a job was not added.
enum class AddError {
  none,
  invalid,      // the body is no JSON, or an option cannot be: mend the call
  refused,      // the queue is paused or full: try later
  disk_full,    // the store has no room: try later
  denied,       // the password is missing or wrong
  unavailable,  // the store cannot be reached; with no idempotency key it may have been added nevertheless
  failed,       // anything else
};

/// What became of an add.
class Added {
 public:
  static Added with_id(std::string id, bool is_new) { return Added{AddError::none, std::move(id), is_new}; }
  static Added failure(AddError error, std::string text) { return Added{error, std::move(text), false}; }

  /// It is stored: it survives a power cut from here on.
  explicit operator bool() const noexcept { return error_ == AddError::none; }
  /// Of the job, or of the one that holds the unique or idempotency key. Empty when it failed.
  std::string_view id() const noexcept { return *this ? std::string_view{text_} : std::string_view{}; }
  bool is_new() const noexcept { return new_; }

  AddError error() const noexcept { return error_; }
  /// Says what was attempted and why it failed. Empty when it did not.
  std::string_view message() const noexcept { return *this ? std::string_view{} : std::string_view{text_}; }

 private:
  Added(AddError error, std::string text, bool is_new) : error_{error}, text_{std::move(text)}, new_{is_new} {}

  AddError error_;
  std::string text_;
  bool new_;
};

struct ProducerOptions {
  std::string password{};                      // for a broker that wants one
  Tls tls{};                                   // for one at tls:HOST:PORT
  std::chrono::milliseconds patience{10'000};  // how long a store that cannot be reached is tried again
  /// Called for each job before it is added, on the calling thread; may change how it is treated: delay, lifetime,
  /// process timeout, metadata and all other options. When it throws, the job is added as the caller said.
  std::function<void(std::string_view queue, std::string_view body, AddOptions& options)> before_add{};
  /// Called with what became of it, before the caller is told; on the producer's thread, so it must not block.
  std::function<void(std::string_view queue, std::string_view body, const Added& added)> after_add{};
};

/// Adds jobs to a store:
///
///     coworker::Producer producer{"file:./coworker-data"};
///     auto added = producer.add("mail", R"({"to":"a@example.org"})", {.delay = 10s});
///     if (!added) std::cerr << added.message() << '\n';
///
/// The store is reached at the first add. A directory (file:) is used through its broker when one runs, else directly,
/// and then only as long as adds are under way: a broker can be started at any time.
///
/// Thread safety: all calls, from any thread. A thread of its own does the work, on which callbacks are called.
class Producer {
 public:
  explicit Producer(std::string url, ProducerOptions options = {});
  /// Ends what is under way with `unavailable`.
  ~Producer();
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;

  /// Adds one job and waits until it is stored. `body` is JSON.
  Added add(std::string_view queue, std::string_view body, AddOptions options = {});

  /// Adds many, all at once under way, and waits for all. The results are in the order of the bodies.
  std::vector<Added> add_many(std::string_view queue, std::span<const std::string> bodies, AddOptions options = {});

  /// Starts to add one job; `done` is called once, with what became of it. Must not block.
  void add_then(std::string_view queue, std::string_view body, AddOptions options, std::function<void(Added)> done);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace coworker
