#include "store/url.h"

#include <fmt/format.h>

#include <cstring>

namespace coworker::store {
namespace {

tl::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  return fail(Errc::invalid_argument, fmt::format("'{}' {}", text, why));
}

// "scheme:" or "scheme://" is taken off the front.
bool take_scheme(std::string_view& text, std::string_view scheme) {
  if (!text.starts_with(scheme) || text.size() <= scheme.size() || text[scheme.size()] != ':') return false;
  text.remove_prefix(scheme.size() + 1);
  if (text.starts_with("//")) text.remove_prefix(2);
  return true;
}

// What can listen at port 0 cannot be reached there; a password in a URL would be seen by everyone on the machine.
Result<channel::Address> reachable(std::string_view address, std::string_view whole) {
  Result<channel::Address> parsed = channel::parse_address(address);
  if (!parsed) return parsed;
  if (!parsed->is_unix() && parsed->port == 0) return refuse(whole, "has no valid port (1 to 65535)");
  if (parsed->host.find_first_of("@/ \t\n") != std::string::npos || parsed->host.find('\0') != std::string::npos) {
    return refuse(whole, "has no valid host (write tcp:HOST:PORT; a password comes from COWORKER_PASSWORD or a file)");
  }
  if (parsed->path.find('\0') != std::string::npos) return refuse(whole, "has a NUL byte");
  return parsed;
}

Result<StoreUrl> node_list(std::string_view rest, std::string_view whole) {
  StoreUrl url;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view node = rest.substr(0, comma);
    Result<channel::Address> address =
        reachable(channel::looks_like_address(node) ? std::string{node} : fmt::format("tcp:{}", node), whole);
    if (!address) return tl::unexpected{std::move(address.error())};
    url.nodes.push_back(std::move(*address));
    if (comma == std::string_view::npos) return url;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<StoreUrl> parse_url(std::string_view text) {
  std::string_view rest = text;
  if (take_scheme(rest, "file")) {
    if (rest.empty()) return refuse(text, "has no directory (write file:DIR)");
    if (rest.find('\0') != std::string_view::npos) return refuse(text, "has a NUL byte");
    StoreUrl url;
    url.directory = rest;
    return url;
  }
  if (take_scheme(rest, "disque")) return node_list(rest, text);
  for (const char* scheme : {"redis", "rediss", "valkey", "postgres", "postgresql"}) {
    if (text.starts_with(scheme) && text[std::strlen(scheme)] == ':') {
      return refuse(text,
                    "is a kind of store that is not available in this version (use file:DIR, unix:PATH, "
                    "tcp:HOST:PORT, tls:HOST:PORT or disque://HOST:PORT,…)");
    }
  }
  if (!channel::looks_like_address(text)) {
    return refuse(text,
                  "is not the URL of a store (write file:DIR, unix:PATH, tcp:HOST:PORT, tls:HOST:PORT or "
                  "disque://HOST:PORT,…)");
  }
  Result<channel::Address> address = reachable(text, text);
  if (!address) return tl::unexpected{std::move(address.error())};
  StoreUrl url;
  url.nodes.push_back(std::move(*address));
  return url;
}

}  // namespace coworker::store
