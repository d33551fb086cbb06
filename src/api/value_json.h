#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "coworker/value.h"

/// Values as JSON. What JSON has no words for is text there: bytes in base64, dates as ISO 8601.
namespace coworker::api {

boost::json::value to_json(const Value& value);
Value to_value(const boost::json::value& json);

/// RFC 4648, with padding; white space between is passed over, anything else is refused.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

/// "20260131T23:59:00". Read are also dashes in the date and a Z at the end.
std::string to_text(DateTime time);
std::optional<DateTime> parse_date_time(std::string_view text);

}  // namespace coworker::api
