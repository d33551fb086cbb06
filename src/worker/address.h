#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The text of HTTP requests and responses, without sending anything.
namespace coworker::worker {

/// The names that stand in braces in an address, "{name}": letters, digits, '_' and '-'. Other braces are text.
std::vector<std::string> placeholders_of(std::string_view address);

/// The address with what stands in braces replaced, percent-encoded. A name that has no value stays.
std::string fill_address(std::string_view address, const std::map<std::string, std::string>& values);

/// Everything but letters, digits and "-._~" becomes %XX.
std::string percent_encode(std::string_view text);

/// "body=…&metadata=…", as a form and a query hold them.
std::string form_of(std::string_view body, std::string_view metadata);

/// Adds parameters to an address, before its fragment.
std::string with_query(std::string address, std::string_view parameters);

/// For logs and errors: what a response begins with, as one line.
std::string beginning_of(std::string_view body);

/// Where an address has user and password, as offset and length (0: nowhere); also where these have a '/', '?' or '#'
/// as it is, so that the address is none.
std::pair<std::size_t, std::size_t> userinfo_of(std::string_view address);

/// For logs and errors: without user, password and query.
std::string without_secrets(std::string_view address);

}  // namespace coworker::worker
