#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace coworker::net::resp {

/// The code word a client acts on. The one place where Errc meets the protocol.
std::string_view code_word(Errc code) noexcept;

/// "-CODE text".
void append_error(std::string& out, const Error& error);

}  // namespace coworker::net::resp
