#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace coworker {

/// What went wrong, in terms every caller can act on. Each protocol maps this enum once; no other
/// code inspects error text.
enum class Errc {
  invalid_argument,    // the caller must change the request
  not_found,           // what the request names does not exist
  conflict,            // the state changed under the caller; re-read and retry
  resource_exhausted,  // a limit or the disk is full: back off and retry
  unavailable,         // shutting down, paused, not reachable: try again or elsewhere
  denied,              // credentials are missing or wrong
  corrupt,             // stored bytes failed a check; never retried
  internal,            // an operating-system call failed in a way no caller can mend
};

std::string_view to_string(Errc code) noexcept;

/// An error travelling up the stack. `wrap` adds the caller's view in front, so the text reads from
/// intent to cause: "claim from 'mail': disk is full".
class [[nodiscard]] Error {
 public:
  Error(Errc code, std::string message) : code_{code}, message_{std::move(message)} {}

  Errc code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }

  Error wrap(std::string_view context) &&;

 private:
  Errc code_;
  std::string message_;
};

/// The value, or why there is none. Every call that crosses a room returns one.
template <class T = void>
using Result = tl::expected<T, Error>;

/// `return fail(Errc::not_found, "job 17")`
inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::unexpected<Error>{Error{code, std::move(message)}};
}

/// The same for an errno: "open '/x/lock': Permission denied". ENOSPC and EDQUOT become
/// resource_exhausted, ENOENT not_found, EACCES and EPERM denied, all else internal.
tl::unexpected<Error> fail_errno(int error_number, std::string_view attempted);

}  // namespace coworker
