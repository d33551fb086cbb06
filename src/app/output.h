#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/view_json.h"
#include "job/command.h"

/// What commands print to standard output.
namespace coworker::app {

void print(std::string_view text);
void print_line(std::string_view text);
void print_json(const boost::json::value& value);

/// Rows under a heading, in columns as wide as they need; numbers stand right.
std::string table(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows);

/// Texts of a store are bytes: what is not UTF-8 becomes U+FFFD, and control characters are escaped for a terminal.
std::string printable(std::string_view bytes);

using api::json_text;
using api::to_json;

/// How long ago the job was added.
std::string age_of(const job::View& job);

/// "3 min", "2.5 h": short and rounded.
std::string short_duration(Millis duration);

}  // namespace coworker::app
