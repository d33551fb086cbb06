#include "net/resp/error.h"

#include "channel/resp/encode.h"

namespace coworker::net::resp {

std::string_view code_word(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument:
      return "ERR";
    case Errc::not_found:
      return "NOJOB";
    case Errc::conflict:
      return "CONFLICT";
    case Errc::resource_exhausted:
      return "MISCONF";  // the store cannot take more: its disk is full
    case Errc::unavailable:
      return "LEAVING";
    case Errc::denied:
      return "NOAUTH";
    case Errc::corrupt:
      return "MISCONF";
    case Errc::internal:
      return "MISCONF";  // the store could not write
  }
  return "ERR";
}

void append_error(std::string& out, const Error& error) {
  std::string text{code_word(error.code())};
  text.append(" ").append(error.message());
  channel::resp::append_error(out, text);
}

}  // namespace coworker::net::resp
