#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace coworker {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid argument";
    case Errc::not_found:
      return "not found";
    case Errc::conflict:
      return "conflict";
    case Errc::resource_exhausted:
      return "resource exhausted";
    case Errc::unavailable:
      return "unavailable";
    case Errc::denied:
      return "denied";
    case Errc::corrupt:
      return "corrupt";
    case Errc::internal:
      return "internal";
  }
  return "unknown";
}

Error Error::wrap(std::string_view context) && {
  std::string text;
  text.reserve(context.size() + 2 + message_.size());
  text.append(context).append(": ").append(message_);
  return Error{code_, std::move(text)};
}

namespace {

Errc code_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return Errc::resource_exhausted;
    case ENOENT:
      return Errc::not_found;
    case EACCES:
    case EPERM:
      return Errc::denied;
    default:
      return Errc::internal;
  }
}

}  // namespace

tl::unexpected<Error> fail_errno(int error_number, std::string_view attempted) {
  std::string text{attempted};
  text.append(": ").append(std::generic_category().message(error_number));
  return fail(code_of(error_number), std::move(text));
}

}  // namespace coworker
