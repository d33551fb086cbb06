#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

namespace coworker {

/// One attempt at a job, as a worker function gets it.
class Job {
 public:
  /// How what a worker says of its job reaches its owner.
  using Report = std::function<void(std::optional<double> fraction, std::string text)>;

  Job(std::string id, std::string queue, std::string body, std::string metadata, unsigned attempt,
      std::stop_token stop = {}, Report report = {})
      : id_{std::move(id)},
        queue_{std::move(queue)},
        body_{std::move(body)},
        metadata_{std::move(metadata)},
        attempt_{attempt},
        stop_{std::move(stop)},
        report_{std::move(report)} {}

  const std::string& id() const noexcept { return id_; }
  const std::string& queue() const noexcept { return queue_; }
  /// JSON text, to the byte as it was added.
  const std::string& body() const noexcept { return body_; }
  /// JSON text of an object.
  const std::string& metadata() const noexcept { return metadata_; }
  /// 1 for the first.
  unsigned attempt() const noexcept { return attempt_; }
  /// Requested when the time of this attempt is up, or when the program is to end: return soon then, with any outcome.
  const std::stop_token& stop() const noexcept { return stop_; }

  /// Tells how far it is, 0 … 1, and what it does. Thread safety: any thread, while the worker function runs.
  void progress(double fraction, std::string text = {}) const {
    if (report_) report_(fraction, std::move(text));
  }
  /// A line for the job's log. As progress.
  void log(std::string text) const {
    if (report_) report_(std::nullopt, std::move(text));
  }

 private:
  std::string id_;
  std::string queue_;
  std::string body_;
  std::string metadata_;
  unsigned attempt_;
  std::stop_token stop_;
  Report report_;
};

/// What became of it. A failed attempt is repeated, as its queue is configured.
class Outcome {
 public:
  /// `result` is a text for who runs `coworker process`, and for the log.
  static Outcome done(std::string result = {}) { return Outcome{true, std::move(result)}; }
  static Outcome failed(std::string reason) { return Outcome{false, std::move(reason)}; }

  bool is_done() const noexcept { return done_; }
  /// The result, or the reason.
  const std::string& text() const noexcept { return text_; }

 private:
  Outcome(bool is_done, std::string text) : done_{is_done}, text_{std::move(text)} {}

  bool done_;
  std::string text_;
};

using WorkerFunction = std::function<Outcome(const Job&)>;

/// Makes a WorkerFunction of a function that returns Outcome; a text, which is the result; bool, where false means
/// failed; or nothing. An exception that leaves it is a failure with its text.
template <class Function>
WorkerFunction as_worker(Function function) {
  using Returned = std::invoke_result_t<Function&, const Job&>;
  if constexpr (std::is_same_v<Returned, Outcome>) {
    return WorkerFunction{std::move(function)};
  } else {
    return [function = std::move(function)](const Job& job) mutable -> Outcome {
      if constexpr (std::is_void_v<Returned>) {
        function(job);
        return Outcome::done();
      } else if constexpr (std::is_same_v<Returned, bool>) {
        return function(job) ? Outcome::done() : Outcome::failed("the worker returned false");
      } else {
        return Outcome::done(std::string{function(job)});
      }
    };
  }
}

}  // namespace coworker
