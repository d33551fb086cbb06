#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Which proxy stands between us and an address, by the variables of the environment that libcurl reads.
namespace coworker::worker {

struct Proxy {
  std::string address;   // as the variable has it, with a password perhaps
  std::string variable;  // its name
  bool has_login = false;

  /// For logs and errors: "http://proxy:3128 (https_proxy)".
  std::string shown() const;
};

/// Calls for the value of a variable; nullptr or empty: it is not set.
using Variables = std::function<const char*(const char*)>;

/// `https_proxy` or HTTPS_PROXY, for http only `http_proxy` (servers set HTTP_PROXY from a request's header), else
/// `all_proxy` or ALL_PROXY; none for a host that `no_proxy` or NO_PROXY names: "*", a name with all that end in it,
/// an IP address, or a network as 10.0.0.0/8.
std::optional<Proxy> proxy_for(std::string_view url, const Variables& variables);

}  // namespace coworker::worker
