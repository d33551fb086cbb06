#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// JSON as text that is looked into but never rewritten: numbers keep their digits, an empty object stays one.
namespace coworker::job {

/// Whether `text` is one JSON value (RFC 8259, UTF-8, at most 512 deep); the error says where it is not.
Result<> check_json(std::string_view text);

/// `text` without the white space around it.
std::string_view trim_json(std::string_view text);

struct JsonMember {
  std::string key;         // decoded
  std::string_view value;  // its text, without white space around it
};

/// The members of an object in their order, also repeated ones. Requires that `text` is valid JSON; what is
/// not an object has none.
std::vector<JsonMember> json_members(std::string_view text);

/// A string as JSON text, quotes included. Bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

}  // namespace coworker::job
