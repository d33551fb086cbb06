#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace coworker {

/// Why an operation on another process did not succeed.
enum class Trouble {
  none,
  invalid,      // mend the call: no JSON, no such worker, a pool of no workers
  timed_out,    // not in the time that was given; what was sent may still be answered later
  closed,       // the other side ended or closed the channel
  too_large,    // a message beyond the limit
  garbage,      // the other side sends what is no JSON
  disabled,     // the kill switch holds this shared worker back
  denied,       // a wrong cookie, or none
  unreachable,  // nobody listens there, and nothing was to be started
  cancelled,    // by this program
  fault,        // the worker says so itself; `code` is its own
  failed,       // anything else
};

struct Failure {
  Trouble trouble = Trouble::failed;
  std::string text;    // says what was attempted and why it failed
  std::string code{};  // of a fault
};

/// The value, or why there is none.
template <class T = std::monostate>
class [[nodiscard]] Answer {
 public:
  Answer() = default;
  Answer(T value) : value_{std::in_place_index<0>, std::move(value)} {}            // NOLINT: converts on purpose
  Answer(Failure failure) : value_{std::in_place_index<1>, std::move(failure)} {}  // NOLINT: converts on purpose

  explicit operator bool() const noexcept { return value_.index() == 0; }
  T& operator*() { return std::get<0>(value_); }
  const T& operator*() const { return std::get<0>(value_); }
  T* operator->() { return &std::get<0>(value_); }
  const T* operator->() const { return &std::get<0>(value_); }

  Trouble trouble() const noexcept { return *this ? Trouble::none : std::get<1>(value_).trouble; }
  std::string message() const { return *this ? std::string{} : std::get<1>(value_).text; }
  std::string code() const { return *this ? std::string{} : std::get<1>(value_).code; }
  /// Requires that there is one.
  const Failure& failure() const { return std::get<1>(value_); }

 private:
  std::variant<T, Failure> value_;
};

/// No limit of time.
inline constexpr std::chrono::milliseconds kForever = std::chrono::milliseconds::max();

}  // namespace coworker
